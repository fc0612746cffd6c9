SELECT CAST(1 - APPLOCK_TEST('public', @P1, 'Exclusive', 'Session') AS bigint) AS leased;
