DECLARE @status int;
EXEC @status = sp_getapplock @Resource = @P1, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 0;
SELECT CAST(@status AS bigint) AS status;
