-- columns
SELECT c.TABLE_NAME, c.COLUMN_NAME, CONCAT(c.DATA_TYPE, IF(c.DATA_TYPE = 'decimal', CONCAT('(', c.NUMERIC_PRECISION, ',', c.NUMERIC_SCALE, ')'), ''), IF(c.COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')), IF(c.EXTRA LIKE '%auto_increment%', 'AUTO_INCREMENT', ''), LEFT(COALESCE(c.COLUMN_DEFAULT, ''), 1000), '', '', IF(c.COLUMN_KEY = 'PRI', 1, 0), 0, IF(c.PRIVILEGES LIKE '%select%', 1, 0) FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = ? AND c.TABLE_NAME = ? ORDER BY c.ORDINAL_POSITION LIMIT 2000
-- numbered
SELECT c.TABLE_NAME, c.COLUMN_NAME, CONCAT(c.DATA_TYPE, IF(c.DATA_TYPE = 'decimal', CONCAT('(', c.NUMERIC_PRECISION, ',', c.NUMERIC_SCALE, ')'), ''), IF(c.COLUMN_TYPE LIKE '%unsigned%', ' unsigned', '')), IF(c.EXTRA LIKE '%auto_increment%', 'AUTO_INCREMENT', ''), LEFT(COALESCE(c.COLUMN_DEFAULT, ''), 1000), '', '', IF(c.COLUMN_KEY = 'PRI', 1, 0), 0, IF(c.PRIVILEGES LIKE '%select%', 1, 0) FROM information_schema.COLUMNS c WHERE c.TABLE_SCHEMA = ? AND (c.EXTRA LIKE '%auto_increment%' OR c.COLUMN_DEFAULT LIKE '%nextval(%') ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION LIMIT 4001
-- leading
SELECT COLUMN_NAME, MAX(IF(INDEX_TYPE = 'BTREE', 1, 0)) FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND COLUMN_NAME IS NOT NULL GROUP BY COLUMN_NAME LIMIT 2000
-- counter
SELECT '1', '1', '', '', 0, IF(AUTO_INCREMENT IS NULL, 0, 1), COALESCE(CAST(AUTO_INCREMENT AS CHAR), ''), 0 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND ? <> '' LIMIT 1
-- sequence
SELECT CAST(start_value AS CHAR), CAST(increment AS CHAR), CAST(minimum_value AS CHAR), CAST(maximum_value AS CHAR), cycle_option, 1, CAST(next_not_cached_value AS CHAR), 0 FROM `s`.`t` LIMIT 1 []
-- nearest
SELECT CAST(MIN(`c]``"d`) AS CHAR) FROM `s`.`t` WHERE `c]``"d` >= 17
-- nearest
SELECT CAST(MAX(`c]``"d`) AS CHAR) FROM `s`.`t` WHERE `c]``"d` <= 17
-- restore
SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); ALTER TABLE "s"."t" ADD UNIQUE ("c"), MODIFY "c" int NOT NULL AUTO_INCREMENT
-- restore
SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); ALTER TABLE "s"."t" ALTER COLUMN "c" SET DEFAULT (NEXTVAL("s"."q")); SELECT SETVAL("s"."q", 18, 0)
-- restore
SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); ALTER TABLE "s"."t" ADD UNIQUE ("c"), MODIFY "c" int NOT NULL AUTO_INCREMENT
-- restore
SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES'); CREATE SEQUENCE "s"."q" START WITH 18; ALTER TABLE "s"."t" ALTER COLUMN "c" SET DEFAULT (NEXTVAL("s"."q"))
