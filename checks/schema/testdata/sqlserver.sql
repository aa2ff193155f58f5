-- columns
SELECT TOP (2000) o.name, c.name, TYPE_NAME(c.system_type_id) + CASE WHEN TYPE_NAME(c.system_type_id) IN ('decimal', 'numeric') THEN CONCAT('(', c.precision, ',', c.scale, ')') ELSE '' END, CASE WHEN c.is_identity = 1 THEN 'IDENTITY' ELSE '' END, LEFT(COALESCE(d.definition, ''), 1000), '', '', CASE WHEN k.column_id IS NULL THEN 0 ELSE 1 END, CASE WHEN EXISTS (SELECT 1 FROM sys.indexes AS i JOIN sys.index_columns AS f ON f.object_id = i.object_id AND f.index_id = i.index_id AND f.key_ordinal = 1 WHERE i.object_id = o.object_id AND i.type IN (1, 2) AND i.is_disabled = 0 AND i.has_filter = 0 AND f.column_id = c.column_id) THEN 1 ELSE 0 END, COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT', c.name, 'COLUMN'), 0) FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id JOIN sys.columns AS c ON c.object_id = o.object_id LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id LEFT JOIN sys.indexes AS p ON p.object_id = o.object_id AND p.is_primary_key = 1 LEFT JOIN sys.index_columns AS k ON k.object_id = o.object_id AND k.index_id = p.index_id AND k.column_id = c.column_id WHERE s.name = @p1 AND o.type = 'U' AND o.name = @p2 ORDER BY c.column_id
-- numbered
SELECT TOP (4001) o.name, c.name, TYPE_NAME(c.system_type_id) + CASE WHEN TYPE_NAME(c.system_type_id) IN ('decimal', 'numeric') THEN CONCAT('(', c.precision, ',', c.scale, ')') ELSE '' END, CASE WHEN c.is_identity = 1 THEN 'IDENTITY' ELSE '' END, LEFT(COALESCE(d.definition, ''), 1000), '', '', CASE WHEN k.column_id IS NULL THEN 0 ELSE 1 END, CASE WHEN EXISTS (SELECT 1 FROM sys.indexes AS i JOIN sys.index_columns AS f ON f.object_id = i.object_id AND f.index_id = i.index_id AND f.key_ordinal = 1 WHERE i.object_id = o.object_id AND i.type IN (1, 2) AND i.is_disabled = 0 AND i.has_filter = 0 AND f.column_id = c.column_id) THEN 1 ELSE 0 END, COALESCE(HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT', c.name, 'COLUMN'), 0) FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id JOIN sys.columns AS c ON c.object_id = o.object_id LEFT JOIN sys.default_constraints AS d ON d.object_id = c.default_object_id LEFT JOIN sys.indexes AS p ON p.object_id = o.object_id AND p.is_primary_key = 1 LEFT JOIN sys.index_columns AS k ON k.object_id = o.object_id AND k.index_id = p.index_id AND k.column_id = c.column_id WHERE s.name = @p1 AND o.type = 'U' AND (c.is_identity = 1 OR d.definition LIKE '%NEXT VALUE FOR%') ORDER BY o.name, c.column_id
-- leading

-- counter
SELECT TOP (1) CONVERT(varchar(60), CONVERT(decimal(38, 0), i.seed_value)), CONVERT(varchar(60), CONVERT(decimal(38, 0), i.increment_value)), '', '', 0, 1, COALESCE(CONVERT(varchar(60), CONVERT(decimal(38, 0), i.last_value)), CONVERT(varchar(60), CONVERT(decimal(38, 0), i.seed_value))), CASE WHEN i.last_value IS NULL THEN 0 ELSE 1 END FROM sys.identity_columns AS i JOIN sys.objects AS o ON o.object_id = i.object_id JOIN sys.schemas AS s ON s.schema_id = o.schema_id WHERE s.name = @p1 AND o.name = @p2 AND i.name = @p3
-- sequence
SELECT TOP (1) CONVERT(varchar(60), CONVERT(decimal(38, 0), q.start_value)), CONVERT(varchar(60), CONVERT(decimal(38, 0), q.increment)), CONVERT(varchar(60), CONVERT(decimal(38, 0), q.minimum_value)), CONVERT(varchar(60), CONVERT(decimal(38, 0), q.maximum_value)), CONVERT(int, q.is_cycling), 1, CONVERT(varchar(60), CONVERT(decimal(38, 0), q.current_value)), 1 FROM sys.sequences AS q JOIN sys.schemas AS s ON s.schema_id = q.schema_id WHERE s.name = @p1 AND q.name = @p2 [s t]
-- nearest
SELECT CONVERT(varchar(60), MIN([c]]`"d])) FROM [s].[t] WHERE [c]]`"d] >= 17
-- nearest
SELECT CONVERT(varchar(60), MAX([c]]`"d])) FROM [s].[t] WHERE [c]]`"d] <= 17
-- restore
CREATE SEQUENCE [s].[t_c_numbers] AS int START WITH 18 INCREMENT BY 2; ALTER TABLE [s].[t] ADD DEFAULT (NEXT VALUE FOR [s].[t_c_numbers]) FOR [c]
-- restore
ALTER SEQUENCE [s].[q] RESTART WITH 18; ALTER TABLE [s].[t] ADD DEFAULT (NEXT VALUE FOR [s].[q]) FOR [c]
-- restore
CREATE SEQUENCE [s].[t_c_numbers] AS int START WITH 18 INCREMENT BY 2; ALTER TABLE [s].[t] ADD DEFAULT (NEXT VALUE FOR [s].[t_c_numbers]) FOR [c]
-- restore
CREATE SEQUENCE [s].[q] AS bigint START WITH 18; ALTER TABLE [s].[t] ADD DEFAULT (NEXT VALUE FOR [s].[q]) FOR [c]
