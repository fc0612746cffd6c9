-- The images' own lineage, with the program and its arguments.

SET IDENTITY_INSERT provenance.GenerationStreams ON;

INSERT INTO provenance.GenerationStreams (StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, Metadata, CreatedAt)
SELECT v.StreamId, v.SourceAtomId, v.TargetAtomId, v.GenerationType, v.ModelUsed, v.Parameters, v.Metadata, v.CreatedAt
FROM (VALUES
    -- a subject, and the reference, into warp parameters
    (2001, 1, 11, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp1"}', '2006-06-05T09:04:11.0312500'),
    (2002, 9, 11, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp1"}', '2006-06-05T09:04:11.0312500'),
    (2003, 2, 12, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp2"}', '2006-06-05T09:17:48.4406250'),
    (2004, 9, 12, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp2"}', '2006-06-05T09:17:48.4406250'),
    (2005, 3, 13, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp3"}', '2006-06-06T09:03:59.9999999'),
    (2006, 9, 13, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp3"}', '2006-06-06T09:03:59.9999999'),
    (2007, 4, 14, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp4"}', '2006-06-06T09:16:02.1000000'),
    (2008, 9, 14, N'multimodal', N'align_warp', N'{"arguments":"-m 12 -q","model":12,"parameters":1365}', N'{"run":"align_warp4"}', '2006-06-06T09:16:02.1000000'),
    -- into resliced images, into the atlas
    (2009, 11, 15, N'image', N'reslice', NULL, N'{"run":"reslice1"}', '2006-06-05T09:31:07.5512345'),
    (2010, 12, 16, N'image', N'reslice', NULL, N'{"run":"reslice2"}', '2006-06-05T09:44:20.0000007'),
    (2011, 13, 17, N'image', N'reslice', NULL, N'{"run":"reslice3"}', '2006-06-06T09:29:33.7654321'),
    (2012, 14, 18, N'image', N'reslice', NULL, N'{"run":"reslice4"}', '2006-06-06T09:41:55.2500000'),
    (2013, 15, 23, N'image', N'softmean', N'{"arguments":"y null"}', N'{"run":"softmean"}', '2006-06-06T10:02:40.8007000'),
    (2014, 16, 23, N'image', N'softmean', N'{"arguments":"y null"}', N'{"run":"softmean"}', '2006-06-06T10:02:40.8007000'),
    (2015, 17, 23, N'image', N'softmean', N'{"arguments":"y null"}', N'{"run":"softmean"}', '2006-06-06T10:02:40.8007000'),
    (2016, 18, 23, N'image', N'softmean', N'{"arguments":"y null"}', N'{"run":"softmean"}', '2006-06-06T10:02:40.8007000'),
    -- into slices, into graphics
    (2017, 23, 25, N'image', N'slicer', N'{"arguments":"-x .5"}', N'{"run":"slicer-x"}', '2006-06-06T10:05:01.0000010'),
    (2018, 23, 26, N'image', N'slicer', N'{"arguments":"-y .5"}', N'{"run":"slicer-y"}', '2006-06-06T10:05:02.0000200'),
    (2019, 23, 27, N'image', N'slicer', N'{"arguments":"-z .5"}', N'{"run":"slicer-z"}', '2006-06-06T10:05:03.0003000'),
    (2020, 25, 28, N'image', N'convert', NULL, N'{"run":"convert-x"}', '2006-06-06T10:06:00.0400000'),
    (2021, 26, 29, N'image', N'convert', NULL, N'{"run":"convert-y"}', '2006-06-06T10:06:00.5000000'),
    (2022, 27, 30, N'image', N'convert', NULL, N'{"run":"convert-z"}', '2006-06-06T10:06:01.0000000')
) AS v (StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, Metadata, CreatedAt)
WHERE NOT EXISTS (SELECT 1 FROM provenance.GenerationStreams AS g WHERE g.StreamId = v.StreamId);

SET IDENTITY_INSERT provenance.GenerationStreams OFF;
GO
