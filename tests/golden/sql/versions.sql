SELECT CHANGE_TRACKING_CURRENT_VERSION() AS current_version,
       OBJECT_ID(N'[graph].[AtomGraphNodes]'), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'[graph].[AtomGraphNodes]')),
       OBJECT_ID(N'[graph].[AtomGraphEdges]'), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'[graph].[AtomGraphEdges]')),
       OBJECT_ID(N'[provenance].[GenerationStreams]'), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'[provenance].[GenerationStreams]'));
