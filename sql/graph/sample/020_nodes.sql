-- Each atom's row in the graph, NodeId = AtomId + 100: files are atoms, the workflow and its programs are models, each run is a layer.
-- Warp parameters are files and also vectors: those four atoms have a second row, as embedding, which is another node of the graph.

SET IDENTITY_INSERT graph.AtomGraphNodes ON;

INSERT INTO graph.AtomGraphNodes (NodeId, AtomId, NodeType, Metadata, CreatedAt)
SELECT v.NodeId, v.AtomId, v.NodeType, v.Metadata, v.CreatedAt
FROM (VALUES
    -- what comes in: four subjects, and the reference that they are aligned to
    (101, 1, N'atom', N'{"name":"anatomy1.img","subject":1,"center":"UChicago"}', '2006-06-02T11:20:00.0000000'),
    (102, 2, N'atom', N'{"name":"anatomy2.img","subject":2}', '2006-06-02T12:20:00.0000000'),
    (103, 3, N'atom', N'{"name":"anatomy3.img","subject":3,"center":"UChicago"}', '2006-06-02T13:20:00.0000000'),
    (104, 4, N'atom', N'{"name":"anatomy4.img","subject":4}', '2006-06-02T14:20:00.0000000'),
    (105, 5, N'atom', N'{"name":"anatomy1.hdr","globalMaximum":4095}', '2006-06-02T11:20:00.0000001'),
    (106, 6, N'atom', N'{"name":"anatomy2.hdr","globalMaximum":3871}', '2006-06-02T12:20:00.0000001'),
    (107, 7, N'atom', N'{"name":"anatomy3.hdr","globalMaximum":4095}', '2006-06-02T13:20:00.0000001'),
    (108, 8, N'atom', N'{"name":"anatomy4.hdr","globalMaximum":4012}', '2006-06-02T14:20:00.0000001'),
    (109, 9, N'atom', N'{"name":"reference.img"}', '2006-06-01T08:00:00.0000000'),
    (110, 10, N'atom', N'{"name":"reference.hdr","globalMaximum":4095}', '2006-06-01T08:00:00.0000001'),
    -- align_warp: the 1365 parameters that bend a subject to the reference
    (111, 11, N'atom', N'{"name":"warp1.warp","parameters":1365,"order":12}', '2006-06-05T09:04:11.0312500'),
    (112, 12, N'atom', N'{"name":"warp2.warp","parameters":1365,"order":12}', '2006-06-05T09:17:48.4406250'),
    (113, 13, N'atom', N'{"name":"warp3.warp","parameters":1365,"order":12}', '2006-06-06T09:03:59.9999999'),
    (114, 14, N'atom', N'{"name":"warp4.warp","parameters":1365,"order":12}', '2006-06-06T09:16:02.1000000'),
    -- reslice: each subject as it looks when bent
    (115, 15, N'atom', N'{"name":"resliced1.img","subject":1}', '2006-06-05T09:31:07.5512345'),
    (116, 16, N'atom', N'{"name":"resliced2.img","subject":2}', '2006-06-05T09:44:20.0000007'),
    (117, 17, N'atom', N'{"name":"resliced3.img","subject":3}', '2006-06-06T09:29:33.7654321'),
    (118, 18, N'atom', N'{"name":"resliced4.img","subject":4}', '2006-06-06T09:41:55.2500000'),
    (119, 19, N'atom', N'{"name":"resliced1.hdr"}', '2006-06-05T09:31:07.5512345'),
    (120, 20, N'atom', N'{"name":"resliced2.hdr"}', '2006-06-05T09:44:20.0000007'),
    (121, 21, N'atom', N'{"name":"resliced3.hdr"}', '2006-06-06T09:29:33.7654321'),
    (122, 22, N'atom', N'{"name":"resliced4.hdr"}', '2006-06-06T09:41:55.2500000'),
    -- softmean: their average
    (123, 23, N'atom', N'{"name":"atlas.img","subjects":4}', '2006-06-06T10:02:40.8007000'),
    (124, 24, N'atom', N'{"name":"atlas.hdr"}', '2006-06-06T10:02:40.8007000'),
    -- slicer: one plane of it along each axis; convert: the same as a graphic
    (125, 25, N'atom', N'{"name":"atlas-x.pgm"}', '2006-06-06T10:05:01.0000010'),
    (126, 26, N'atom', N'{"name":"atlas-y.pgm"}', '2006-06-06T10:05:02.0000200'),
    (127, 27, N'atom', N'{"name":"atlas-z.pgm"}', '2006-06-06T10:05:03.0003000'),
    (128, 28, N'atom', N'{"name":"atlas-x.gif","studyModality":"speech"}', '2006-06-06T10:06:00.0400000'),
    (129, 29, N'atom', N'{"name":"atlas-y.gif","studyModality":"visual"}', '2006-06-06T10:06:00.5000000'),
    (130, 30, N'atom', N'{"name":"atlas-z.gif","studyModality":"audio"}', '2006-06-06T10:06:01.0000000'),
    -- the workflow and its programs
    (131, 31, N'model', N'{"name":"fmri-workflow"}', '2006-06-01T07:00:00.0000000'),
    (132, 32, N'model', N'{"name":"align_warp","package":"AIR"}', '2006-06-01T07:00:00.0000001'),
    (133, 33, N'model', N'{"name":"reslice","package":"AIR"}', '2006-06-01T07:00:00.0000002'),
    (134, 34, N'model', N'{"name":"softmean","package":"AIR"}', '2006-06-01T07:00:00.0000003'),
    (135, 35, N'model', N'{"name":"slicer","package":"FSL"}', '2006-06-01T07:00:00.0000004'),
    (136, 36, N'model', N'{"name":"convert","package":"ImageMagick"}', '2006-06-01T07:00:00.0000005'),
    -- each run of a program, with its command line
    (137, 37, N'layer', N'{"name":"align_warp1","day":"Monday","command":"align_warp anatomy1.img reference.img warp1.warp -m 12 -q"}', '2006-06-05T09:04:11.0312500'),
    (138, 38, N'layer', N'{"name":"align_warp2","day":"Monday","command":"align_warp anatomy2.img reference.img warp2.warp -m 12 -q"}', '2006-06-05T09:17:48.4406250'),
    (139, 39, N'layer', N'{"name":"align_warp3","day":"Tuesday","command":"align_warp anatomy3.img reference.img warp3.warp -m 12 -q"}', '2006-06-06T09:03:59.9999999'),
    (140, 40, N'layer', N'{"name":"align_warp4","day":"Tuesday","command":"align_warp anatomy4.img reference.img warp4.warp -m 12 -q"}', '2006-06-06T09:16:02.1000000'),
    (141, 41, N'layer', N'{"name":"reslice1","day":"Monday","command":"reslice warp1.warp resliced1"}', '2006-06-05T09:31:07.5512345'),
    (142, 42, N'layer', N'{"name":"reslice2","day":"Monday","command":"reslice warp2.warp resliced2"}', '2006-06-05T09:44:20.0000007'),
    (143, 43, N'layer', N'{"name":"reslice3","day":"Tuesday","command":"reslice warp3.warp resliced3"}', '2006-06-06T09:29:33.7654321'),
    (144, 44, N'layer', N'{"name":"reslice4","day":"Tuesday","command":"reslice warp4.warp resliced4"}', '2006-06-06T09:41:55.2500000'),
    (145, 45, N'layer', N'{"name":"softmean","day":"Tuesday","command":"softmean atlas.hdr y null resliced1.img resliced2.img resliced3.img resliced4.img"}', '2006-06-06T10:02:40.8007000'),
    (146, 46, N'layer', N'{"name":"slicer-x","day":"Tuesday","command":"slicer atlas.hdr -x .5 atlas-x.pgm"}', '2006-06-06T10:05:01.0000010'),
    (147, 47, N'layer', N'{"name":"slicer-y","day":"Tuesday","command":"slicer atlas.hdr -y .5 atlas-y.pgm"}', '2006-06-06T10:05:02.0000200'),
    (148, 48, N'layer', N'{"name":"slicer-z","day":"Tuesday","command":"slicer atlas.hdr -z .5 atlas-z.pgm"}', '2006-06-06T10:05:03.0003000'),
    (149, 49, N'layer', N'{"name":"convert-x","day":"Tuesday","command":"convert atlas-x.pgm atlas-x.gif"}', '2006-06-06T10:06:00.0400000'),
    (150, 50, N'layer', N'{"name":"convert-y","day":"Tuesday","command":"convert atlas-y.pgm atlas-y.gif"}', '2006-06-06T10:06:00.5000000'),
    (151, 51, N'layer', N'{"name":"convert-z","day":"Tuesday","command":"convert atlas-z.pgm atlas-z.gif"}', '2006-06-06T10:06:01.0000000'),
    -- the warp parameters once more, as the vectors they are
    (152, 11, N'embedding', N'{"name":"warp1","dimensions":1365}', '2006-06-05T09:04:11.0312500'),
    (153, 12, N'embedding', N'{"name":"warp2","dimensions":1365}', '2006-06-05T09:17:48.4406250'),
    (154, 13, N'embedding', N'{"name":"warp3","dimensions":1365}', '2006-06-06T09:03:59.9999999'),
    (155, 14, N'embedding', N'{"name":"warp4","dimensions":1365}', '2006-06-06T09:16:02.1000000')
) AS v (NodeId, AtomId, NodeType, Metadata, CreatedAt)
WHERE NOT EXISTS (SELECT 1 FROM graph.AtomGraphNodes AS n WHERE n.NodeId = v.NodeId);

SET IDENTITY_INSERT graph.AtomGraphNodes OFF;
GO
