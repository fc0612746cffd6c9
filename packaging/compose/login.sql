-- provsync's login, with the password of its file: another password there takes effect when the job runs again.
IF SUSER_ID(N'provsync') IS NULL
    CREATE LOGIN provsync WITH PASSWORD = N'PASSWORD_OF_PROVSYNC';
ELSE
    ALTER LOGIN provsync WITH PASSWORD = N'PASSWORD_OF_PROVSYNC';
GO
