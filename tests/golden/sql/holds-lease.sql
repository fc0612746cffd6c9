SELECT CAST(CASE WHEN APPLOCK_MODE('public', @P1, 'Session') = 'Exclusive' THEN 1 ELSE 0 END AS bigint) AS held;
