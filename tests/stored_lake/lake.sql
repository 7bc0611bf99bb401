-- A lake as the first versions of Assay stored it: its rows, its book-keeping and the fingerprints of that time.

create schema ops;
create schema bronze;
create schema silver;
create schema gold;
create schema quarantine;
create schema changes;
CREATE TABLE bronze.sales(sale_id BIGINT, region VARCHAR, item VARCHAR, amount_usd DECIMAL(10,2), sold_at TIMESTAMP, _rescued JSON, _violations VARCHAR[], _file_id BIGINT, _load_id BIGINT, _loaded_at TIMESTAMP WITH TIME ZONE);
insert into bronze."sales" select col0::BIGINT, col1::VARCHAR, col2::VARCHAR, col3::DECIMAL(10,2), col4::TIMESTAMP, col5::JSON, col6::VARCHAR[], col7::BIGINT, col8::BIGINT, col9::TIMESTAMP WITH TIME ZONE from (values
('1', 'north', 'apple', '1.50', '2024-01-01 08:00:00', '{"till":"7"}', null, '1', '1', '2026-11-25 16:47:49.599348+00'),
('2', null, 'pear', '2.25', '2024-01-01 09:00:00', '{"till":"7"}', null, '1', '1', '2026-11-25 16:47:49.599348+00'),
('3', 'south', 'apple', '-1.00', '2024-01-01 10:00:00', '{"till":"8"}', '[a_gift_has_no_region, amount_not_negative]', '1', '1', '2026-11-25 16:47:49.599348+00'),
('5', 'south', 'plum', '0.75', '2024-01-01 12:00:00', '{"till":"9"}', null, '1', '1', '2026-11-25 16:47:49.599348+00'),
('1', 'north', 'apple', '1.50', '2024-01-01 08:00:00', null, null, '4', '3', '2026-11-25 16:47:52.097797+00'),
('1', 'north', 'apple', '1.75', '2024-01-02 08:00:00', null, null, '4', '3', '2026-11-25 16:47:52.097797+00'),
('6', 'north', 'fig', '3.00', '2024-01-02 09:00:00', null, null, '4', '3', '2026-11-25 16:47:52.097797+00')
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8, col9);
CREATE TABLE bronze.stock(item VARCHAR, on_hand BIGINT, _rescued JSON, _violations VARCHAR[], _file_id BIGINT, _load_id BIGINT, _loaded_at TIMESTAMP WITH TIME ZONE);
insert into bronze."stock" select col0::VARCHAR, col1::BIGINT, col2::JSON, col3::VARCHAR[], col4::BIGINT, col5::BIGINT, col6::TIMESTAMP WITH TIME ZONE from (values
('apple', '3', null, null, '3', '2', '2026-11-25 16:47:49.736793+00'),
('fig', '-1', null, '[on_hand_not_negative]', '3', '2', '2026-11-25 16:47:49.736793+00'),
('plum', '0', '{"shelf":"A7"}', null, '3', '2', '2026-11-25 16:47:49.736793+00'),
('apple', '0', null, null, '5', '4', '2026-11-25 16:47:52.176622+00'),
('plum', '4', null, null, '5', '4', '2026-11-25 16:47:52.176622+00'),
('pear', '9', null, null, '5', '4', '2026-11-25 16:47:52.176622+00')
) as t(col0, col1, col2, col3, col4, col5, col6);
CREATE TABLE changes.silver_sales(sale_id BIGINT, region VARCHAR, item VARCHAR, amount_usd DECIMAL(10,2), sold_at TIMESTAMP, _seq BIGINT);
CREATE TABLE changes.silver_stock(item VARCHAR, on_hand BIGINT, is_in_stock BOOLEAN, _seq BIGINT);
CREATE TABLE gold.items(item VARCHAR, sales BIGINT, is_in_stock BOOLEAN);
insert into gold."items" select col0::VARCHAR, col1::BIGINT, col2::BOOLEAN from (values
('pear', '1', 'true'),
('plum', '1', 'true'),
('fig', '1', 'false'),
('apple', '1', 'false')
) as t(col0, col1, col2);
CREATE TABLE gold.regions(region VARCHAR, sales BIGINT, amount_usd DECIMAL(18,2));
insert into gold."regions" select col0::VARCHAR, col1::BIGINT, col2::DECIMAL(18,2) from (values
('SOUTH', '1', '0.75'),
('TELEPHONE', '1', '2.25'),
('NORTH', '2', '4.75')
) as t(col0, col1, col2);
CREATE TABLE ops.check_results(check_id BIGINT NOT NULL, table_name VARCHAR NOT NULL, check_name VARCHAR NOT NULL, "rule" VARCHAR NOT NULL, severity VARCHAR NOT NULL, has_passed BOOLEAN NOT NULL, "value" DOUBLE, threshold DOUBLE, expected VARCHAR NOT NULL, found VARCHAR NOT NULL, share_ok DOUBLE, examples JSON NOT NULL, load_id BIGINT, contract_version VARCHAR, checked_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL);
insert into ops."check_results" select col0::BIGINT, col1::VARCHAR, col2::VARCHAR, col3::VARCHAR, col4::VARCHAR, col5::BOOLEAN, col6::DOUBLE, col7::DOUBLE, col8::VARCHAR, col9::VARCHAR, col10::DOUBLE, col11::JSON, col12::BIGINT, col13::VARCHAR, col14::TIMESTAMP WITH TIME ZONE, col15::VARCHAR from (values
('1', 'bronze.sales', 'completeness', 'nulls_of_amount_usd', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('1', 'bronze.sales', 'completeness', 'nulls_of_item', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('1', 'bronze.sales', 'completeness', 'nulls_of_region', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('1', 'bronze.sales', 'completeness', 'nulls_of_sale_id', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('1', 'bronze.sales', 'completeness', 'nulls_of_sold_at', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('2', 'bronze.sales', 'validity', 'records_break_no_rule', 'warn', 'false', '40.0', '1.0', 'at most 1 % of a file', '2 of 5 records; 40.00 % in the worst file', '0.6', '[{"file": "sales/1.csv", "records": 5, "broken": 2, "pct": 40.0}]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('3', 'bronze.sales', 'volume', 'records_per_file', 'warn', 'true', null, '20.0', 'within 20 % of the weekday', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.0.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('4', 'bronze.stock', 'completeness', 'nulls_of_item', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.2.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('4', 'bronze.stock', 'completeness', 'nulls_of_on_hand', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.2.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('5', 'bronze.stock', 'validity', 'records_break_no_rule', 'warn', 'false', '33.333333333333336', '1.0', 'at most 1 % of a file', '1 of 3 records; 33.33 % in the worst file', '0.6666666666666667', '[{"file": "stock/stock_2024-01-01.jsonl", "records": 3, "broken": 1, "pct": 33.333333333333336}]', '2', '1.2.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('6', 'bronze.stock', 'volume', 'records_per_file', 'warn', 'true', null, '20.0', 'within 20 % of the weekday', 'no file to judge; 1 files without enough history', null, '[]', '2', '1.2.0', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('7', 'silver.sales', 'conservation', 'records_are_rows_or_malformed', 'error', 'true', null, null, 'records read 5', 'rows in bronze 4 + malformed 1', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('7', 'silver.sales', 'conservation', 'ledger_knows_every_row', 'error', 'true', null, null, 'records loaded 4 as the ledger says', 'rows in bronze 4', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('7', 'silver.sales', 'conservation', 'rows_are_accounted_for', 'error', 'true', null, null, 'rows in bronze 4', 'silver 3 + quarantined 1 + superseded 0 + duplicates 0', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('7', 'silver.sales', 'conservation', 'files_of_this_run_add_up', 'error', 'true', null, null, 'read = rows + malformed in each file', 'all files agree', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('8', 'silver.sales', 'contract', 'columns_and_types', 'error', 'true', null, null, '8 columns as in the yml', 'as expected', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('8', 'silver.sales', 'contract', 'unique(sale_id)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('8', 'silver.sales', 'contract', 'sale_id_not_null', 'error', 'true', '0.0', '0.0', '"sale_id" is not null', 'holds', '1.0', '[]', '2', '1.0.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('9', 'silver.stock', 'conservation', 'records_are_rows_or_malformed', 'error', 'true', null, null, 'records read 3', 'rows in bronze 3 + malformed 0', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('9', 'silver.stock', 'conservation', 'ledger_knows_every_row', 'error', 'true', null, null, 'records loaded 3 as the ledger says', 'rows in bronze 3', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('9', 'silver.stock', 'conservation', 'rows_are_accounted_for', 'error', 'true', null, null, 'rows in bronze 3', 'silver 2 + quarantined 1 + superseded 0 + duplicates 0', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('9', 'silver.stock', 'conservation', 'files_of_this_run_add_up', 'error', 'true', null, null, 'read = rows + malformed in each file', 'all files agree', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('10', 'silver.stock', 'contract', 'columns_and_types', 'error', 'true', null, null, '6 columns as in the yml', 'as expected', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('10', 'silver.stock', 'contract', 'unique(item)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('10', 'silver.stock', 'contract', 'item_not_null', 'error', 'true', '0.0', '0.0', '"item" is not null', 'holds', '1.0', '[]', '2', '1.2.0', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('11', 'gold.items', 'contract', 'columns_and_types', 'error', 'true', null, null, '3 columns as in the yml', 'as expected', null, '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('11', 'gold.items', 'contract', 'unique(item)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('11', 'gold.items', 'contract', 'item_not_null', 'error', 'true', '0.0', '0.0', '"item" is not null', 'holds', '1.0', '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('12', 'gold.regions', 'contract', 'columns_and_types', 'error', 'true', null, null, '3 columns as in the yml', 'as expected', null, '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('12', 'gold.regions', 'contract', 'unique(region)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('12', 'gold.regions', 'contract', 'region_not_null', 'error', 'true', '0.0', '0.0', '"region" is not null', 'holds', '1.0', '[]', '2', null, '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('13', 'bronze.sales', 'completeness', 'nulls_of_amount_usd', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('13', 'bronze.sales', 'completeness', 'nulls_of_item', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('13', 'bronze.sales', 'completeness', 'nulls_of_region', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('13', 'bronze.sales', 'completeness', 'nulls_of_sale_id', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('13', 'bronze.sales', 'completeness', 'nulls_of_sold_at', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('14', 'bronze.sales', 'validity', 'records_break_no_rule', 'warn', 'true', '0.0', '1.0', 'at most 1 % of a file', '0 of 3 records', '1.0', '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('15', 'bronze.sales', 'volume', 'records_per_file', 'warn', 'true', null, '20.0', 'within 20 % of the weekday', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('16', 'bronze.stock', 'completeness', 'nulls_of_item', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('16', 'bronze.stock', 'completeness', 'nulls_of_on_hand', 'warn', 'true', null, '2.0', 'a change of at most 2 points', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('17', 'bronze.stock', 'validity', 'records_break_no_rule', 'warn', 'true', '0.0', '1.0', 'at most 1 % of a file', '0 of 3 records', '1.0', '[]', '4', '1.2.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('18', 'bronze.stock', 'volume', 'records_per_file', 'warn', 'true', null, '20.0', 'within 20 % of the weekday', 'no file to judge; 1 files without enough history', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('19', 'silver.sales', 'conservation', 'records_are_rows_or_malformed', 'error', 'true', null, null, 'records read 8', 'rows in bronze 7 + malformed 1', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('19', 'silver.sales', 'conservation', 'ledger_knows_every_row', 'error', 'true', null, null, 'records loaded 7 as the ledger says', 'rows in bronze 7', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('19', 'silver.sales', 'conservation', 'rows_are_accounted_for', 'error', 'true', null, null, 'rows in bronze 7', 'silver 4 + quarantined 1 + superseded 0 + duplicates 2', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('19', 'silver.sales', 'conservation', 'files_of_this_run_add_up', 'error', 'true', null, null, 'read = rows + malformed in each file', 'all files agree', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('20', 'silver.sales', 'contract', 'columns_and_types', 'error', 'true', null, null, '8 columns as in the yml', 'as expected', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('20', 'silver.sales', 'contract', 'unique(sale_id)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('20', 'silver.sales', 'contract', 'sale_id_not_null', 'error', 'true', '0.0', '0.0', '"sale_id" is not null', 'holds', '1.0', '[]', '4', '1.0.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('21', 'silver.stock', 'conservation', 'records_are_rows_or_malformed', 'error', 'true', null, null, 'records read 6', 'rows in bronze 6 + malformed 0', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('21', 'silver.stock', 'conservation', 'ledger_knows_every_row', 'error', 'true', null, null, 'records loaded 6 as the ledger says', 'rows in bronze 6', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('21', 'silver.stock', 'conservation', 'rows_are_accounted_for', 'error', 'true', null, null, 'rows in bronze 6', 'silver 3 + quarantined 0 + superseded 3 + duplicates 0', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('21', 'silver.stock', 'conservation', 'files_of_this_run_add_up', 'error', 'true', null, null, 'read = rows + malformed in each file', 'all files agree', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('22', 'silver.stock', 'contract', 'columns_and_types', 'error', 'true', null, null, '6 columns as in the yml', 'as expected', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('22', 'silver.stock', 'contract', 'unique(item)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('22', 'silver.stock', 'contract', 'item_not_null', 'error', 'true', '0.0', '0.0', '"item" is not null', 'holds', '1.0', '[]', '4', '1.2.0', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('23', 'gold.items', 'contract', 'columns_and_types', 'error', 'true', null, null, '3 columns as in the yml', 'as expected', null, '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('23', 'gold.items', 'contract', 'unique(item)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('23', 'gold.items', 'contract', 'item_not_null', 'error', 'true', '0.0', '0.0', '"item" is not null', 'holds', '1.0', '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('24', 'gold.regions', 'contract', 'columns_and_types', 'error', 'true', null, null, '3 columns as in the yml', 'as expected', null, '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('24', 'gold.regions', 'contract', 'unique(region)', 'error', 'true', null, null, 'no key twice', 'no key twice', null, '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('24', 'gold.regions', 'contract', 'region_not_null', 'error', 'true', '0.0', '0.0', '"region" is not null', 'holds', '1.0', '[]', '4', null, '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2')
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8, col9, col10, col11, col12, col13, col14, col15);
CREATE TABLE ops.checks(check_id BIGINT NOT NULL, table_name VARCHAR NOT NULL, check_name VARCHAR NOT NULL, verdict VARCHAR NOT NULL, summary VARCHAR NOT NULL, looked_at STRUCT(table_name VARCHAR, seq BIGINT)[] NOT NULL, definition VARCHAR NOT NULL, checked_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL);
insert into ops."checks" select col0::BIGINT, col1::VARCHAR, col2::VARCHAR, col3::VARCHAR, col4::VARCHAR, col5::STRUCT(table_name VARCHAR, seq BIGINT)[], col6::VARCHAR, col7::TIMESTAMP WITH TIME ZONE, col8::VARCHAR from (values
('1', 'bronze.sales', 'completeness', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.sales, ''seq'': 3}]', '068476143b20854f', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('2', 'bronze.sales', 'validity', 'warn', 'records_break_no_rule: expected at most 1 % of a file, found 2 of 5 records; 40.00 % in the worst file', '[{''table_name'': bronze.sales, ''seq'': 3}]', '068476143b20854f', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('3', 'bronze.sales', 'volume', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.sales, ''seq'': 3}]', '068476143b20854f', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('4', 'bronze.stock', 'completeness', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.stock, ''seq'': 3}]', '278ce1ca271c711e', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('5', 'bronze.stock', 'validity', 'warn', 'records_break_no_rule: expected at most 1 % of a file, found 1 of 3 records; 33.33 % in the worst file', '[{''table_name'': bronze.stock, ''seq'': 3}]', '278ce1ca271c711e', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('6', 'bronze.stock', 'volume', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.stock, ''seq'': 3}]', '278ce1ca271c711e', '2026-11-25 16:47:49.910332+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('7', 'silver.sales', 'conservation', 'pass', '5 records read, every one accounted for', '[{''table_name'': bronze.sales, ''seq'': 3}, {''table_name'': silver.sales, ''seq'': 1}]', '', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('8', 'silver.sales', 'contract', 'pass', '3 rules hold for 3 rows', '[{''table_name'': silver.sales, ''seq'': 1}]', 'f7513d5544692df1', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('9', 'silver.stock', 'conservation', 'pass', '3 records read, every one accounted for', '[{''table_name'': bronze.stock, ''seq'': 3}, {''table_name'': silver.stock, ''seq'': 1}]', '', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('10', 'silver.stock', 'contract', 'pass', '3 rules hold for 2 rows', '[{''table_name'': silver.stock, ''seq'': 1}]', 'da6cf16086bab20d', '2026-11-25 16:47:51.07433+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('11', 'gold.items', 'contract', 'pass', '3 rules hold for 3 rows', '[{''table_name'': gold.items, ''seq'': 1}]', '06f579c93337bf59', '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('12', 'gold.regions', 'contract', 'pass', '3 rules hold for 3 rows', '[{''table_name'': gold.regions, ''seq'': 1}]', 'a4aee41ceab48fdf', '2026-11-25 16:47:51.316725+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('13', 'bronze.sales', 'completeness', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.sales, ''seq'': 5}]', '068476143b20854f', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('14', 'bronze.sales', 'validity', 'pass', 'few records of the newest files are broken', '[{''table_name'': bronze.sales, ''seq'': 5}]', '068476143b20854f', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('15', 'bronze.sales', 'volume', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.sales, ''seq'': 5}]', '068476143b20854f', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('16', 'bronze.stock', 'completeness', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.stock, ''seq'': 5}]', '278ce1ca271c711e', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('17', 'bronze.stock', 'validity', 'pass', 'few records of the newest files are broken', '[{''table_name'': bronze.stock, ''seq'': 5}]', '278ce1ca271c711e', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('18', 'bronze.stock', 'volume', 'pass', 'not enough history for 1 new files: 6 earlier ones of the kind are needed', '[{''table_name'': bronze.stock, ''seq'': 5}]', '278ce1ca271c711e', '2026-11-25 16:47:52.395585+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('19', 'silver.sales', 'conservation', 'pass', '8 records read, every one accounted for', '[{''table_name'': bronze.sales, ''seq'': 5}, {''table_name'': silver.sales, ''seq'': 2}]', '', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('20', 'silver.sales', 'contract', 'pass', '3 rules hold for 4 rows', '[{''table_name'': silver.sales, ''seq'': 2}]', 'f7513d5544692df1', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('21', 'silver.stock', 'conservation', 'pass', '6 records read, every one accounted for', '[{''table_name'': bronze.stock, ''seq'': 5}, {''table_name'': silver.stock, ''seq'': 2}]', '', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('22', 'silver.stock', 'contract', 'pass', '3 rules hold for 3 rows', '[{''table_name'': silver.stock, ''seq'': 2}]', 'da6cf16086bab20d', '2026-11-25 16:47:52.999437+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('23', 'gold.items', 'contract', 'pass', '3 rules hold for 4 rows', '[{''table_name'': gold.items, ''seq'': 2}]', '06f579c93337bf59', '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('24', 'gold.regions', 'contract', 'pass', '3 rules hold for 3 rows', '[{''table_name'': gold.regions, ''seq'': 2}]', 'a4aee41ceab48fdf', '2026-11-25 16:47:53.318525+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2')
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8);
CREATE TABLE ops.conservation("source" VARCHAR NOT NULL, run_id VARCHAR NOT NULL, counted_at TIMESTAMP WITH TIME ZONE NOT NULL, records_read BIGINT NOT NULL, records_loaded BIGINT NOT NULL, records_malformed BIGINT NOT NULL, rows_bronze BIGINT NOT NULL, rows_silver BIGINT NOT NULL, rows_quarantined BIGINT NOT NULL, rows_superseded BIGINT NOT NULL, duplicates_identical BIGINT NOT NULL, duplicates_conflicting BIGINT NOT NULL, is_conserved BOOLEAN NOT NULL);
insert into ops."conservation" select col0::VARCHAR, col1::VARCHAR, col2::TIMESTAMP WITH TIME ZONE, col3::BIGINT, col4::BIGINT, col5::BIGINT, col6::BIGINT, col7::BIGINT, col8::BIGINT, col9::BIGINT, col10::BIGINT, col11::BIGINT, col12::BOOLEAN from (values
('sales', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', '2026-11-25 16:47:50.399666+00', '5', '4', '1', '4', '3', '1', '0', '0', '0', 'true'),
('stock', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', '2026-11-25 16:47:51.059632+00', '3', '3', '0', '3', '2', '1', '0', '0', '0', 'true'),
('sales', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', '2026-11-25 16:47:52.931366+00', '8', '7', '1', '7', '4', '1', '0', '0', '2', 'true'),
('stock', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', '2026-11-25 16:47:52.98078+00', '6', '6', '0', '6', '3', '0', '3', '0', '0', 'true')
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8, col9, col10, col11, col12);
CREATE TABLE ops.deliveries(table_name VARCHAR NOT NULL, "source" VARCHAR NOT NULL, file_id BIGINT NOT NULL, landed_at TIMESTAMP WITH TIME ZONE NOT NULL, published_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL);
insert into ops."deliveries" select col0::VARCHAR, col1::VARCHAR, col2::BIGINT, col3::TIMESTAMP WITH TIME ZONE, col4::TIMESTAMP WITH TIME ZONE, col5::VARCHAR from (values
('gold.items', 'sales', '1', '2026-11-25 16:47:46.707266+00', '2026-11-25 16:47:51.475572+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('gold.items', 'stock', '3', '2026-11-25 16:47:46.708533+00', '2026-11-25 16:47:51.475572+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('gold.regions', 'sales', '1', '2026-11-25 16:47:46.707266+00', '2026-11-25 16:47:51.475572+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('silver.sales', 'sales', '1', '2026-11-25 16:47:46.707266+00', '2026-11-25 16:47:51.475572+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('silver.stock', 'stock', '3', '2026-11-25 16:47:46.708533+00', '2026-11-25 16:47:51.475572+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('silver.sales', 'sales', '4', '2026-11-25 16:47:51.679265+00', '2026-11-25 16:47:53.533981+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.regions', 'sales', '4', '2026-11-25 16:47:51.679265+00', '2026-11-25 16:47:53.533981+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.items', 'stock', '5', '2026-11-25 16:47:51.680017+00', '2026-11-25 16:47:53.533981+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.items', 'sales', '4', '2026-11-25 16:47:51.679265+00', '2026-11-25 16:47:53.533981+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('silver.stock', 'stock', '5', '2026-11-25 16:47:51.680017+00', '2026-11-25 16:47:53.533981+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2')
) as t(col0, col1, col2, col3, col4, col5);
CREATE TABLE ops.files(sighting_id BIGINT NOT NULL, file_id BIGINT, "source" VARCHAR NOT NULL, path VARCHAR NOT NULL, content_hash VARCHAR, size_bytes BIGINT, format VARCHAR NOT NULL, contract_version VARCHAR NOT NULL, contract_fingerprint VARCHAR NOT NULL, status VARCHAR NOT NULL, records_read BIGINT, records_loaded BIGINT, records_malformed BIGINT, reason VARCHAR, first_seen TIMESTAMP WITH TIME ZONE NOT NULL, loaded_at TIMESTAMP WITH TIME ZONE, load_id BIGINT, run_id VARCHAR NOT NULL, file_date DATE, "compression" VARCHAR, "header" VARCHAR[], plain_records BIGINT, has_quoted_line_ends BOOLEAN, mtime_ns BIGINT, ctime_ns BIGINT, inode UBIGINT, landed_at TIMESTAMP WITH TIME ZONE);
insert into ops."files" select col0::BIGINT, col1::BIGINT, col2::VARCHAR, col3::VARCHAR, col4::VARCHAR, col5::BIGINT, col6::VARCHAR, col7::VARCHAR, col8::VARCHAR, col9::VARCHAR, col10::BIGINT, col11::BIGINT, col12::BIGINT, col13::VARCHAR, col14::TIMESTAMP WITH TIME ZONE, col15::TIMESTAMP WITH TIME ZONE, col16::BIGINT, col17::VARCHAR, col18::DATE, col19::VARCHAR, col20::VARCHAR[], col21::BIGINT, col22::BOOLEAN, col23::BIGINT, col24::BIGINT, col25::UBIGINT, col26::TIMESTAMP WITH TIME ZONE from (values
('2', '2', 'sales', 'sales/refused.csv', '30a5bf779dc6131e27db75c113f414f3064963e1f03d236594fe43b753d6b6b5', '19', 'csv', '1.0.0', 'cee96f0f18b13ddd', 'refused', null, null, null, 'its header does not match contract 1.0.0: missing columns: sale_id, region, item, amount_usd, sold_at; unexpected columns: no, header, of, sales', '2026-11-25 16:47:49.006484+00', null, null, 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null, 'none', '[no, header, of, sales]', '0', 'false', '1500000000000000000', '1795625266709308450', '9987417', '2026-11-25 16:47:46.709308+00'),
('1', '1', 'sales', 'sales/1.csv', '82e27f3833965b460cf73a7c765efe8de342af5d921f0968399da00442cf08c0', '239', 'csv', '1.0.0', 'cee96f0f18b13ddd', 'loaded', '5', '4', '1', null, '2026-11-25 16:47:49.006114+00', '2026-11-25 16:47:49.599348+00', '1', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null, 'none', '[sale_id, region, item, amount_usd, sold_at, till]', '5', 'false', '1500000000000000000', '1795625266707265462', '9987413', '2026-11-25 16:47:46.707266+00'),
('3', '3', 'stock', 'stock/stock_2024-01-01.jsonl', '511868da67d8ad9571e2bb6d01ba6534ed36fd7f4d517164f19e7e48175c4ca3', '109', 'jsonl', '1.2.0', 'f14755434b4c41d5', 'loaded', '3', '3', '0', null, '2026-11-25 16:47:49.064698+00', '2026-11-25 16:47:49.736793+00', '2', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', '2024-01-01', 'none', null, '3', 'false', '1500000000000000000', '1795625266708532658', '9987416', '2026-11-25 16:47:46.708533+00'),
('4', '4', 'sales', 'sales/2.csv', 'e3c4b349ae1179f7d06463b58548a1f03dfa9c1924a590db47c722f93e5eb086', '154', 'csv', '1.0.0', 'cee96f0f18b13ddd', 'loaded', '3', '3', '0', null, '2026-11-25 16:47:51.926998+00', '2026-11-25 16:47:52.097797+00', '3', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null, 'none', '[sale_id, region, item, amount_usd, sold_at]', '3', 'false', '1500000000000000000', '1795625271679265088', '9987435', '2026-11-25 16:47:51.679265+00'),
('5', '5', 'stock', 'stock/stock_2024-01-02.jsonl', 'bc2a3010e9c7ef2551b0e2ea2abeb0a08271169758e8e45abc5c2c6aee5bbd8c', '94', 'jsonl', '1.2.0', 'f14755434b4c41d5', 'loaded', '3', '3', '0', null, '2026-11-25 16:47:51.965596+00', '2026-11-25 16:47:52.176622+00', '4', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', '2024-01-02', 'none', null, '3', 'false', '1500000000000000000', '1795625271680017335', '9987483', '2026-11-25 16:47:51.680017+00')
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8, col9, col10, col11, col12, col13, col14, col15, col16, col17, col18, col19, col20, col21, col22, col23, col24, col25, col26);
CREATE TABLE ops.freshness(table_name VARCHAR NOT NULL, "policy" VARCHAR NOT NULL, data_as_of TIMESTAMP WITH TIME ZONE, waits_since TIMESTAMP WITH TIME ZONE, due_at TIMESTAMP WITH TIME ZONE, checked_at TIMESTAMP WITH TIME ZONE NOT NULL);
insert into ops."freshness" select col0::VARCHAR, col1::VARCHAR, col2::TIMESTAMP WITH TIME ZONE, col3::TIMESTAMP WITH TIME ZONE, col4::TIMESTAMP WITH TIME ZONE, col5::TIMESTAMP WITH TIME ZONE from (values
('gold.items', 'at once', '2026-11-25 16:47:51.680017+00', null, null, '2026-11-25 16:47:53.533981+00'),
('gold.regions', 'at once', '2026-11-25 16:47:51.679265+00', null, null, '2026-11-25 16:47:53.533981+00'),
('silver.sales', 'at once', '2026-11-25 16:47:51.679265+00', null, null, '2026-11-25 16:47:53.533981+00'),
('silver.stock', 'at once', '2026-11-25 16:47:51.680017+00', null, null, '2026-11-25 16:47:53.533981+00')
) as t(col0, col1, col2, col3, col4, col5);
CREATE TABLE ops.malformed("source" VARCHAR NOT NULL, file_id BIGINT NOT NULL, line BIGINT NOT NULL, record VARCHAR NOT NULL, reasons VARCHAR[] NOT NULL, contract_version VARCHAR NOT NULL, load_id BIGINT NOT NULL, loaded_at TIMESTAMP WITH TIME ZONE NOT NULL);
insert into ops."malformed" select col0::VARCHAR, col1::BIGINT, col2::BIGINT, col3::VARCHAR, col4::VARCHAR[], col5::VARCHAR, col6::BIGINT, col7::TIMESTAMP WITH TIME ZONE from (values
('sales', '1', '5', '4,south,plum,x,2024-01-01 11:00:00,8', '[''amount_usd: \''x\'' is no decimal(10,2)'']', '1.0.0', '1', '2026-11-25 16:47:49.599348+00')
) as t(col0, col1, col2, col3, col4, col5, col6, col7);
CREATE TABLE ops.profiles("source" VARCHAR NOT NULL, file_id BIGINT NOT NULL, "day" DATE, column_name VARCHAR NOT NULL, row_count BIGINT NOT NULL, "nulls" BIGINT NOT NULL, total DOUBLE, buckets MAP(VARCHAR, BIGINT), is_odd BOOLEAN NOT NULL, run_id VARCHAR NOT NULL, broken BIGINT);
insert into ops."profiles" select col0::VARCHAR, col1::BIGINT, col2::DATE, col3::VARCHAR, col4::BIGINT, col5::BIGINT, col6::DOUBLE, col7::MAP(VARCHAR, BIGINT), col8::BOOLEAN, col9::VARCHAR, col10::BIGINT from (values
('sales', '1', '2024-01-01', 'sold_at', '5', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('sales', '1', '2024-01-01', 'amount_usd', '5', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('sales', '1', '2024-01-01', 'item', '5', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('sales', '1', '2024-01-01', 'region', '5', '1', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('sales', '1', '2024-01-01', 'sale_id', '5', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('sales', '1', '2024-01-01', '', '5', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', '2'),
('stock', '3', '2024-01-01', 'on_hand', '3', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('stock', '3', '2024-01-01', 'item', '3', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', null),
('stock', '3', '2024-01-01', '', '3', '0', null, null, 'true', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', '1'),
('sales', '4', '2024-01-02', '', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', '0'),
('sales', '4', '2024-01-02', 'sale_id', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('sales', '4', '2024-01-02', 'region', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('sales', '4', '2024-01-02', 'item', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('sales', '4', '2024-01-02', 'amount_usd', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('sales', '4', '2024-01-02', 'sold_at', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('stock', '5', '2024-01-02', '', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', '0'),
('stock', '5', '2024-01-02', 'item', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null),
('stock', '5', '2024-01-02', 'on_hand', '3', '0', null, null, 'false', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', null)
) as t(col0, col1, col2, col3, col4, col5, col6, col7, col8, col9, col10);
CREATE TABLE ops.publications(publication_id BIGINT NOT NULL, decided_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL, is_published BOOLEAN NOT NULL, because VARCHAR[] NOT NULL, "tables" STRUCT(table_name VARCHAR, seq BIGINT)[] NOT NULL);
insert into ops."publications" select col0::BIGINT, col1::TIMESTAMP WITH TIME ZONE, col2::VARCHAR, col3::BOOLEAN, col4::VARCHAR[], col5::STRUCT(table_name VARCHAR, seq BIGINT)[] from (values
('1', '2026-11-25 16:47:51.429264+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0', 'true', '[]', '[{''table_name'': gold.items, ''seq'': 1}, {''table_name'': gold.regions, ''seq'': 1}, {''table_name'': quarantine.sales, ''seq'': 3}, {''table_name'': quarantine.stock, ''seq'': 3}, {''table_name'': silver.sales, ''seq'': 1}, {''table_name'': silver.stock, ''seq'': 1}]'),
('2', '2026-11-25 16:47:53.485142+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2', 'true', '[]', '[{''table_name'': gold.items, ''seq'': 2}, {''table_name'': gold.regions, ''seq'': 2}, {''table_name'': quarantine.sales, ''seq'': 5}, {''table_name'': quarantine.stock, ''seq'': 5}, {''table_name'': silver.sales, ''seq'': 2}, {''table_name'': silver.stock, ''seq'': 2}]')
) as t(col0, col1, col2, col3, col4, col5);
CREATE TABLE ops.quality_score(table_name VARCHAR NOT NULL, "day" DATE NOT NULL, score DOUBLE NOT NULL, rules BIGINT NOT NULL, rules_broken BIGINT NOT NULL, scored_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL);
insert into ops."quality_score" select col0::VARCHAR, col1::DATE, col2::DOUBLE, col3::BIGINT, col4::BIGINT, col5::TIMESTAMP WITH TIME ZONE, col6::VARCHAR from (values
('bronze.stock', '2026-11-25', '91.6667', '4', '1', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('silver.sales', '2026-11-25', '100.0', '7', '0', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('gold.items', '2026-11-25', '100.0', '3', '0', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('bronze.sales', '2026-11-25', '94.2857', '7', '1', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('silver.stock', '2026-11-25', '100.0', '7', '0', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('gold.regions', '2026-11-25', '100.0', '3', '0', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('all', '2026-11-25', '98.8294', '31', '2', '2026-11-25 16:47:51.457425+00', 'aa730de2-f626-46d4-9ee4-55db06ab06d0'),
('bronze.stock', '2026-11-25', '100.0', '4', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('silver.sales', '2026-11-25', '100.0', '7', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.items', '2026-11-25', '100.0', '3', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('bronze.sales', '2026-11-25', '100.0', '7', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('silver.stock', '2026-11-25', '100.0', '7', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.regions', '2026-11-25', '100.0', '3', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('all', '2026-11-25', '100.0', '31', '0', '2026-11-25 16:47:53.522364+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2')
) as t(col0, col1, col2, col3, col4, col5, col6);
CREATE TABLE ops.seen(consumer VARCHAR NOT NULL, "input" VARCHAR NOT NULL, seq BIGINT NOT NULL);
insert into ops."seen" select col0::VARCHAR, col1::VARCHAR, col2::BIGINT from (values
('silver.sales', 'bronze.sales', '5'),
('silver.stock', 'bronze.stock', '5'),
('gold.items', 'silver.sales', '2'),
('gold.items', 'silver.stock', '2'),
('gold.regions', 'silver.sales', '2')
) as t(col0, col1, col2);
CREATE TABLE ops.seen_files(consumer VARCHAR NOT NULL, "input" VARCHAR NOT NULL, file_id BIGINT NOT NULL, file_date DATE);
insert into ops."seen_files" select col0::VARCHAR, col1::VARCHAR, col2::BIGINT, col3::DATE from (values
('silver.sales', 'bronze.sales', '4', null),
('silver.sales', 'bronze.sales', '1', null),
('silver.stock', 'bronze.stock', '5', '2024-01-02')
) as t(col0, col1, col2, col3);
CREATE TABLE ops.sources("source" VARCHAR NOT NULL, "load" VARCHAR NOT NULL, contract_version VARCHAR NOT NULL, current_files VARCHAR NOT NULL);
insert into ops."sources" select col0::VARCHAR, col1::VARCHAR, col2::VARCHAR, col3::VARCHAR from (values
('sales', 'events', '1.0.0', '1,4'),
('stock', 'snapshot', '1.2.0', '5 2024-01-02')
) as t(col0, col1, col2, col3);
CREATE TABLE ops."tables"(table_name VARCHAR NOT NULL, seq BIGINT NOT NULL, rebuilt_seq BIGINT NOT NULL, fingerprint VARCHAR NOT NULL, row_count BIGINT NOT NULL, built_at TIMESTAMP WITH TIME ZONE NOT NULL, run_id VARCHAR NOT NULL);
insert into ops."tables" select col0::VARCHAR, col1::BIGINT, col2::BIGINT, col3::VARCHAR, col4::BIGINT, col5::TIMESTAMP WITH TIME ZONE, col6::VARCHAR from (values
('bronze.sales', '5', '1', 'c4ed313fdbb58cda', '7', '2026-11-25 16:47:52.163226+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('bronze.stock', '5', '1', '0ad4805fd598bc36', '6', '2026-11-25 16:47:52.234005+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('silver.sales', '2', '1', '10501d4db228460c', '4', '2026-11-25 16:47:52.733331+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('silver.stock', '2', '1', '4e6a06366739b0c6', '3', '2026-11-25 16:47:52.82676+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.items', '2', '1', '9b7f5695dffe05fa', '4', '2026-11-25 16:47:53.212125+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2'),
('gold.regions', '2', '1', 'fb26a1df10a6c0c3', '3', '2026-11-25 16:47:53.266762+00', '51c2ebf2-1d27-47cd-beb9-2b22dba20fc2')
) as t(col0, col1, col2, col3, col4, col5, col6);
CREATE TABLE silver.sales(sale_id BIGINT, region VARCHAR, item VARCHAR, amount_usd DECIMAL(10,2), sold_at TIMESTAMP, _file_id BIGINT, _duplicates_identical BIGINT, _duplicates_conflicting BIGINT);
insert into silver."sales" select col0::BIGINT, col1::VARCHAR, col2::VARCHAR, col3::DECIMAL(10,2), col4::TIMESTAMP, col5::BIGINT, col6::BIGINT, col7::BIGINT from (values
('2', 'TELEPHONE', 'pear', '2.25', '2024-01-01 09:00:00', '1', '0', '0'),
('5', 'SOUTH', 'plum', '0.75', '2024-01-01 12:00:00', '1', '0', '0'),
('1', 'NORTH', 'apple', '1.75', '2024-01-02 08:00:00', '4', '0', '2'),
('6', 'NORTH', 'fig', '3.00', '2024-01-02 09:00:00', '4', '0', '0')
) as t(col0, col1, col2, col3, col4, col5, col6, col7);
CREATE TABLE silver.stock(item VARCHAR, on_hand BIGINT, is_in_stock BOOLEAN, _file_id BIGINT, _duplicates_identical BIGINT, _duplicates_conflicting BIGINT);
insert into silver."stock" select col0::VARCHAR, col1::BIGINT, col2::BOOLEAN, col3::BIGINT, col4::BIGINT, col5::BIGINT from (values
('pear', '9', 'true', '5', '0', '0'),
('plum', '4', 'true', '5', '0', '0'),
('apple', '0', 'false', '5', '0', '0')
) as t(col0, col1, col2, col3, col4, col5);
