-- The fMRI workflow of the First Provenance Challenge (2006): its files, programs and runs, with ids that the docs rely on.
-- Files, programs and arguments are the challenge's; annotations, header entries and times are made up so that its queries
-- find something (two of the four align_warp runs fall on a Monday). The images are not here: hashes are of the names.

SET QUOTED_IDENTIFIER ON;  -- dbo.Atoms has a filtered index
SET IDENTITY_INSERT dbo.Atoms ON;

INSERT INTO dbo.Atoms (AtomId, Modality, Subtype, SourceType, SourceUri, ContentHash, CanonicalText, Metadata, CreatedAt)
SELECT v.AtomId, v.Modality, v.Subtype, N'provenance challenge', v.Name, HASHBYTES('SHA2_256', v.Name), v.CanonicalText, v.Metadata, v.CreatedAt
FROM (VALUES
    -- what comes in: four subjects, and the reference that they are aligned to
    (1, N'image', N'anatomy', N'anatomy1.img', NULL, N'{"subject":1,"center":"UChicago"}', '2006-06-02T11:20:00.0000000'),
    (2, N'image', N'anatomy', N'anatomy2.img', NULL, N'{"subject":2}', '2006-06-02T12:20:00.0000000'),
    (3, N'image', N'anatomy', N'anatomy3.img', NULL, N'{"subject":3,"center":"UChicago"}', '2006-06-02T13:20:00.0000000'),
    (4, N'image', N'anatomy', N'anatomy4.img', NULL, N'{"subject":4}', '2006-06-02T14:20:00.0000000'),
    (5, N'text', N'header', N'anatomy1.hdr', N'global maximum=4095', N'{"globalMaximum":4095}', '2006-06-02T11:20:00.0000001'),
    (6, N'text', N'header', N'anatomy2.hdr', N'global maximum=3871', N'{"globalMaximum":3871}', '2006-06-02T12:20:00.0000001'),
    (7, N'text', N'header', N'anatomy3.hdr', N'global maximum=4095', N'{"globalMaximum":4095}', '2006-06-02T13:20:00.0000001'),
    (8, N'text', N'header', N'anatomy4.hdr', N'global maximum=4012', N'{"globalMaximum":4012}', '2006-06-02T14:20:00.0000001'),
    (9, N'image', N'reference', N'reference.img', NULL, NULL, '2006-06-01T08:00:00.0000000'),
    (10, N'text', N'header', N'reference.hdr', N'global maximum=4095', N'{"globalMaximum":4095}', '2006-06-01T08:00:00.0000001'),
    -- align_warp: the 1365 parameters that bend a subject to the reference
    (11, N'sensor', N'warp parameters', N'warp1.warp', NULL, N'{"parameters":1365,"order":12}', '2006-06-05T09:04:11.0312500'),
    (12, N'sensor', N'warp parameters', N'warp2.warp', NULL, N'{"parameters":1365,"order":12}', '2006-06-05T09:17:48.4406250'),
    (13, N'sensor', N'warp parameters', N'warp3.warp', NULL, N'{"parameters":1365,"order":12}', '2006-06-06T09:03:59.9999999'),
    (14, N'sensor', N'warp parameters', N'warp4.warp', NULL, N'{"parameters":1365,"order":12}', '2006-06-06T09:16:02.1000000'),
    -- reslice: each subject as it looks when bent
    (15, N'image', N'resliced', N'resliced1.img', NULL, N'{"subject":1}', '2006-06-05T09:31:07.5512345'),
    (16, N'image', N'resliced', N'resliced2.img', NULL, N'{"subject":2}', '2006-06-05T09:44:20.0000007'),
    (17, N'image', N'resliced', N'resliced3.img', NULL, N'{"subject":3}', '2006-06-06T09:29:33.7654321'),
    (18, N'image', N'resliced', N'resliced4.img', NULL, N'{"subject":4}', '2006-06-06T09:41:55.2500000'),
    (19, N'text', N'header', N'resliced1.hdr', NULL, NULL, '2006-06-05T09:31:07.5512345'),
    (20, N'text', N'header', N'resliced2.hdr', NULL, NULL, '2006-06-05T09:44:20.0000007'),
    (21, N'text', N'header', N'resliced3.hdr', NULL, NULL, '2006-06-06T09:29:33.7654321'),
    (22, N'text', N'header', N'resliced4.hdr', NULL, NULL, '2006-06-06T09:41:55.2500000'),
    -- softmean: their average
    (23, N'image', N'atlas', N'atlas.img', NULL, N'{"subjects":4}', '2006-06-06T10:02:40.8007000'),
    (24, N'text', N'header', N'atlas.hdr', NULL, NULL, '2006-06-06T10:02:40.8007000'),
    -- slicer: one plane of it along each axis; convert: the same as a graphic
    (25, N'image', N'slice', N'atlas-x.pgm', NULL, NULL, '2006-06-06T10:05:01.0000010'),
    (26, N'image', N'slice', N'atlas-y.pgm', NULL, NULL, '2006-06-06T10:05:02.0000200'),
    (27, N'image', N'slice', N'atlas-z.pgm', NULL, NULL, '2006-06-06T10:05:03.0003000'),
    (28, N'image', N'graphic', N'atlas-x.gif', NULL, N'{"studyModality":"speech"}', '2006-06-06T10:06:00.0400000'),
    (29, N'image', N'graphic', N'atlas-y.gif', NULL, N'{"studyModality":"visual"}', '2006-06-06T10:06:00.5000000'),
    (30, N'image', N'graphic', N'atlas-z.gif', NULL, N'{"studyModality":"audio"}', '2006-06-06T10:06:01.0000000'),
    -- the workflow and its programs
    (31, N'graph', N'workflow', N'fmri-workflow', N'First Provenance Challenge: an atlas from four brains', NULL, '2006-06-01T07:00:00.0000000'),
    (32, N'text', N'program', N'align_warp', NULL, N'{"package":"AIR"}', '2006-06-01T07:00:00.0000001'),
    (33, N'text', N'program', N'reslice', NULL, N'{"package":"AIR"}', '2006-06-01T07:00:00.0000002'),
    (34, N'text', N'program', N'softmean', NULL, N'{"package":"AIR"}', '2006-06-01T07:00:00.0000003'),
    (35, N'text', N'program', N'slicer', NULL, N'{"package":"FSL"}', '2006-06-01T07:00:00.0000004'),
    (36, N'text', N'program', N'convert', NULL, N'{"package":"ImageMagick"}', '2006-06-01T07:00:00.0000005'),
    -- each run of a program, with its command line
    (37, N'text', N'run', N'run/align_warp1', N'align_warp anatomy1.img reference.img warp1.warp -m 12 -q', N'{"day":"Monday"}', '2006-06-05T09:04:11.0312500'),
    (38, N'text', N'run', N'run/align_warp2', N'align_warp anatomy2.img reference.img warp2.warp -m 12 -q', N'{"day":"Monday"}', '2006-06-05T09:17:48.4406250'),
    (39, N'text', N'run', N'run/align_warp3', N'align_warp anatomy3.img reference.img warp3.warp -m 12 -q', N'{"day":"Tuesday"}', '2006-06-06T09:03:59.9999999'),
    (40, N'text', N'run', N'run/align_warp4', N'align_warp anatomy4.img reference.img warp4.warp -m 12 -q', N'{"day":"Tuesday"}', '2006-06-06T09:16:02.1000000'),
    (41, N'text', N'run', N'run/reslice1', N'reslice warp1.warp resliced1', N'{"day":"Monday"}', '2006-06-05T09:31:07.5512345'),
    (42, N'text', N'run', N'run/reslice2', N'reslice warp2.warp resliced2', N'{"day":"Monday"}', '2006-06-05T09:44:20.0000007'),
    (43, N'text', N'run', N'run/reslice3', N'reslice warp3.warp resliced3', N'{"day":"Tuesday"}', '2006-06-06T09:29:33.7654321'),
    (44, N'text', N'run', N'run/reslice4', N'reslice warp4.warp resliced4', N'{"day":"Tuesday"}', '2006-06-06T09:41:55.2500000'),
    (45, N'text', N'run', N'run/softmean', N'softmean atlas.hdr y null resliced1.img resliced2.img resliced3.img resliced4.img', N'{"day":"Tuesday"}', '2006-06-06T10:02:40.8007000'),
    (46, N'text', N'run', N'run/slicer-x', N'slicer atlas.hdr -x .5 atlas-x.pgm', N'{"day":"Tuesday"}', '2006-06-06T10:05:01.0000010'),
    (47, N'text', N'run', N'run/slicer-y', N'slicer atlas.hdr -y .5 atlas-y.pgm', N'{"day":"Tuesday"}', '2006-06-06T10:05:02.0000200'),
    (48, N'text', N'run', N'run/slicer-z', N'slicer atlas.hdr -z .5 atlas-z.pgm', N'{"day":"Tuesday"}', '2006-06-06T10:05:03.0003000'),
    (49, N'text', N'run', N'run/convert-x', N'convert atlas-x.pgm atlas-x.gif', N'{"day":"Tuesday"}', '2006-06-06T10:06:00.0400000'),
    (50, N'text', N'run', N'run/convert-y', N'convert atlas-y.pgm atlas-y.gif', N'{"day":"Tuesday"}', '2006-06-06T10:06:00.5000000'),
    (51, N'text', N'run', N'run/convert-z', N'convert atlas-z.pgm atlas-z.gif', N'{"day":"Tuesday"}', '2006-06-06T10:06:01.0000000')
) AS v (AtomId, Modality, Subtype, Name, CanonicalText, Metadata, CreatedAt)
WHERE NOT EXISTS (SELECT 1 FROM dbo.Atoms AS a WHERE a.AtomId = v.AtomId);

SET IDENTITY_INSERT dbo.Atoms OFF;
GO
