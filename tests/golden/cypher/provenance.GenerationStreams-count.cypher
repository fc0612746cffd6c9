MATCH ()-[r:`GENERATED`]->() USING INDEX r:`GENERATED`(`streamId`)
WHERE r.`streamId` IS NOT NULL
WITH r LIMIT $most
RETURN [count(r)] AS row;
