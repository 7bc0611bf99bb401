-- The tables of Assay's own book-keeping. Created when missing; each statement can run again.
create schema if not exists ops;
create schema if not exists bronze;
create schema if not exists silver;
create schema if not exists gold;
create schema if not exists quarantine;
create schema if not exists changes;
create schema if not exists touched;
create schema if not exists superseded;

-- One row per sighting: a path and the content seen there. `mtime_ns`, `ctime_ns` and `inode` only save hashing;
-- `landed_at` is when the file was complete there; `file_date` is the moment that its name says. `content_hash` is the
-- sha256 of its bytes, with the values behind it that a contract takes from its path.
create table if not exists ops.files (
    sighting_id bigint not null,
    file_id bigint,
    source varchar not null,
    path varchar not null,
    content_hash varchar,
    size_bytes bigint,
    format varchar not null,
    contract_version varchar not null,
    contract_fingerprint varchar not null,
    status varchar not null,
    records_read bigint,
    records_loaded bigint,
    records_malformed bigint,
    reason varchar,
    first_seen timestamptz not null,
    loaded_at timestamptz,
    load_id bigint,
    run_id varchar not null,
    file_date timestamp,
    compression varchar,
    header varchar[],
    plain_records bigint,
    has_quoted_line_ends boolean,
    mtime_ns bigint,
    ctime_ns bigint,
    inode ubigint,
    landed_at timestamptz
);
alter table ops.files add column if not exists landed_at timestamptz;
alter table ops.files add column if not exists reading integer; -- version of the rules it was read by; NULL is 1
-- Loads that failed because the file needs more memory or room than there is, and the limit under which they did.
alter table ops.files add column if not exists failures bigint;
alter table ops.files add column if not exists failed_limit varchar;
alter table ops.files add column if not exists archive varchar; -- the path of the zip archive that a member is in
-- Lines with something in them that are no records, as the format says: titles, totals, comments, headers repeated.
alter table ops.files add column if not exists lines_left_out bigint;

-- The zip archives of a source that could be opened, with all their members, whoever claims these: as they were when the
-- members that the source claims were looked at last, under which contract and limits.
create table if not exists ops.archives (
    source varchar not null,
    path varchar not null,
    size_bytes bigint not null,
    mtime_ns bigint not null,
    ctime_ns bigint not null,
    inode ubigint not null,
    contract_fingerprint varchar not null,
    limits varchar not null,
    members struct(name varchar, size_bytes bigint, problem varchar)[] not null
);

-- What changed about the columns of a source's files: `what` is came, went or renamed (`name_in_file` is what the file calls
-- the column), told of the first file that has it. `proposed_type` is for the contract, of a column that it does not name.
create table if not exists ops.schema_changes (
    change_id bigint not null,
    source varchar not null,
    file_id bigint not null,
    path varchar not null,
    column_name varchar not null,
    what varchar not null,
    name_in_file varchar,
    proposed_type varchar,
    changed_at timestamptz not null,
    contract_version varchar not null,
    run_id varchar not null
);

-- How a source is loaded, which of its files counted when its bronze table was last built, and the pattern by which the
-- names of its files were dated.
create table if not exists ops.sources (
    source varchar not null,
    load varchar not null,
    contract_version varchar not null,
    current_files varchar not null,
    dated_by varchar
);
alter table ops.sources add column if not exists dated_by varchar; -- lakes of before know the day alone

-- Records that never became a row. `line` is the physical line (Parquet: the row's position from 1).
create table if not exists ops.malformed (
    source varchar not null,
    file_id bigint not null,
    line bigint not null,
    record varchar not null,
    reasons varchar[] not null,
    contract_version varchar not null,
    load_id bigint not null,
    loaded_at timestamptz not null
);

-- What is stored of each loaded content, counted in the transaction that wrote it: rows of bronze, those of them that break
-- a rule, malformed records. Promise 1 is checked on these sums; `assay check` counts the rows themselves again.
create table if not exists ops.file_counts (
    source varchar not null,
    file_id bigint not null,
    rows_loaded bigint not null,
    rows_violating bigint not null,
    records_malformed bigint not null
);

-- Where changes of a source end all rows before them: a row for each truncate, and one with an empty position for a file
-- that begins an epoch, which has its snapshot. `happened_at` is the time at the source.
create table if not exists ops.change_cuts (
    source varchar not null,
    file_id bigint not null,
    epoch bigint not null,
    position varchar not null,
    happened_at timestamptz
);

-- Changes that left out unchanged values and break a rule once silver has completed them, or that nothing completes.
create table if not exists ops.held_changes (
    table_name varchar not null,
    source varchar not null,
    key varchar not null,
    file_id bigint not null,
    position varchar not null,
    reasons varchar[] not null
);

-- The terms of promise 1 that a silver table stands for: counted whole when it is rebuilt, and moved in the transaction
-- that redoes keys, by what is counted on the rows that went and on those that came.
create table if not exists ops.table_counts (
    table_name varchar not null,
    row_count bigint not null,
    duplicates_identical bigint not null,
    duplicates_conflicting bigint not null
);
-- Of `load: changes`: rows that a newer change replaced or took out, and changes that are held until they are clean.
alter table ops.table_counts add column if not exists rows_superseded bigint default 0;
alter table ops.table_counts add column if not exists rows_held bigint default 0;

-- One row per table: `seq` grows when its rows change, `rebuilt_seq` is the last seq that came from a full rebuild.
create table if not exists ops.tables (
    table_name varchar not null,
    seq bigint not null,
    rebuilt_seq bigint not null,
    fingerprint varchar not null,
    row_count bigint not null,
    built_at timestamptz not null,
    run_id varchar not null,
    definition varchar
);
alter table ops.tables add column if not exists definition varchar; -- what `fingerprint` is the hash of
alter table ops.tables add column if not exists version varchar; -- that the yml of a silver or gold table gives it

-- Each state of a table that readers have, and those since: `version` is drawn by lot, `ranges` are the positions along
-- `column_name` at which rows differ from the state before, `has_rest` whether rows without a position do. NULL: unknown.
create table if not exists ops.touched_parts (
    table_name varchar not null,
    seq bigint not null,
    version varchar not null,
    column_name varchar,
    ranges struct(low bigint, high bigint)[],
    has_rest boolean
);

-- What each table has taken from each of its inputs: up to which seq, and (for bronze) which files.
-- `reads`: columns of Assay's own (`_…`) that the table is made from; NULL when that is not known.
create table if not exists ops.seen (
    consumer varchar not null, input varchar not null, seq bigint not null, reads varchar[]
);
alter table ops.seen add column if not exists reads varchar[];
create table if not exists ops.seen_files (
    consumer varchar not null,
    input varchar not null,
    file_id bigint not null,
    file_date timestamp
);

-- Of which changes of a table `touched.<model>` has the keys that were written: those after `from_seq`, up to `to_seq`.
create table if not exists ops.touched (table_name varchar not null, from_seq bigint not null, to_seq bigint not null);

-- One row per source and run in which it was counted.
create table if not exists ops.conservation (
    source varchar not null,
    run_id varchar not null,
    counted_at timestamptz not null,
    records_read bigint not null,
    records_loaded bigint not null,
    records_malformed bigint not null,
    rows_bronze bigint not null,
    rows_silver bigint not null,
    rows_quarantined bigint not null,
    rows_superseded bigint not null,
    duplicates_identical bigint not null,
    duplicates_conflicting bigint not null,
    is_conserved boolean not null
);

-- The result of each check, with the seq of each table that it looked at: with a newer seq it is outdated. `definition`
-- is a hash of what was asked. `expires_at` is when a result says nothing any more though no row changed.
create table if not exists ops.checks (
    check_id bigint not null,
    table_name varchar not null,
    check_name varchar not null,
    verdict varchar not null,
    summary varchar not null,
    looked_at struct(table_name varchar, seq bigint)[] not null,
    definition varchar not null,
    checked_at timestamptz not null,
    run_id varchar not null,
    expires_at timestamptz
);
alter table ops.checks add column if not exists expires_at timestamptz; -- lakes of before have none
-- `is_whole` is whether the result looked at every row, or at those that changed since one that stands for the others;
-- `rows_checked` how many it looked at, `whole_at` when every row was looked at last. Lakes of before always did.
alter table ops.checks add column if not exists is_whole boolean;
alter table ops.checks add column if not exists rows_checked bigint;
alter table ops.checks add column if not exists whole_at timestamptz;

-- Every rule of every check: what was measured, what it was held against, and what it means. `load_id` is the last load
-- that the table may have seen.
create table if not exists ops.check_results (
    check_id bigint not null,
    table_name varchar not null,
    check_name varchar not null,
    rule varchar not null,
    severity varchar not null,
    has_passed boolean not null,
    value double,
    threshold double,
    expected varchar not null,
    found varchar not null,
    share_ok double,
    examples json not null,
    load_id bigint,
    contract_version varchar,
    checked_at timestamptz not null,
    run_id varchar not null
);

-- What each loaded file looks like, a row per column and one ('') for the file; baselines are made of those that are
-- not odd. `buckets` counts values by size (numbers) or by value (others). `broken`, of the file alone, counts records
-- that are malformed or break a rule; NULL until the checks have counted them.
create table if not exists ops.profiles (
    source varchar not null,
    file_id bigint not null,
    day date,
    column_name varchar not null,
    row_count bigint not null,
    nulls bigint not null,
    total double,
    buckets map(varchar, bigint),
    is_odd boolean not null,
    run_id varchar not null,
    broken bigint
);
alter table ops.profiles add column if not exists broken bigint; -- lakes of before have none

-- How good the data is, from 0 to 100: one row per table and run, and one ('all') for the lake.
create table if not exists ops.quality_score (
    table_name varchar not null,
    day date not null,
    score double not null,
    rules bigint not null,
    rules_broken bigint not null,
    scored_at timestamptz not null,
    run_id varchar not null
);

-- When readers could first see what a file brought, in each silver and gold table that is made of its source: one row per
-- table and content.
create table if not exists ops.deliveries (
    table_name varchar not null,
    source varchar not null,
    file_id bigint not null,
    landed_at timestamptz not null,
    published_at timestamptz not null,
    run_id varchar not null
);

-- How old the data of each table is, as of the end of the last run: when the newest file landed that it contains, and
-- the oldest that it does not; when that one has to be in by its policy.
create table if not exists ops.freshness (
    table_name varchar not null,
    policy varchar not null,
    data_as_of timestamptz,
    waits_since timestamptz,
    due_at timestamptz,
    checked_at timestamptz not null
);

-- What is stored and not in the project any more, as of the last run: a row per table, where a source stands there by its
-- bronze table, and a row per check of a table of the project that nothing asks for now.
create table if not exists ops.retired (
    table_name varchar not null,
    check_name varchar not null,
    row_count bigint,
    last_built timestamptz,
    since timestamptz not null,
    renamed_to varchar not null
);

-- The project that the last run of everything built without a failure: one row. With another, a run plans everything.
create table if not exists ops.whole_runs (
    project varchar not null,
    run_id varchar not null,
    ended_at timestamptz not null
);

-- What the last rebuild by key of each table redid: for how many keys, how many rows of how many.
create table if not exists ops.rebuilds (
    table_name varchar not null,
    changed_keys bigint not null,
    rows_rebuilt bigint not null,
    row_count bigint not null,
    seconds double not null
);

-- How long it took to work out rows of each table, or to check them: the measurement of the most rows, or about as many.
create table if not exists ops.build_costs (
    table_name varchar not null,
    what varchar not null,
    row_count bigint not null,
    seconds double not null,
    measured_at timestamptz not null
);

-- What was ever dropped because it was old: a row per kind. `before` is the age that counted when it was last looked for.
create table if not exists ops.pruned (
    what varchar not null,
    dropped bigint not null,
    before timestamptz not null,
    looked_at timestamptz not null
);

-- What was decided about publishing: one row per decision.
create table if not exists ops.publications (
    publication_id bigint not null,
    decided_at timestamptz not null,
    run_id varchar not null,
    is_published boolean not null,
    because varchar[] not null,
    tables struct(table_name varchar, seq bigint)[] not null
);

-- What stands at each path now.
create or replace view ops.latest_sightings as
select *
from ops.files
qualify row_number() over (partition by source, path order by sighting_id desc) = 1;

-- Sightings whose content was loaded.
create or replace view ops.loaded_files as
select *
from ops.files
where status = 'loaded';

-- Contents that are loaded or wait: when each landed first, and the run that loaded it last.
create or replace view ops.landed_contents as
select
    source,
    file_id,
    min(coalesce(landed_at, first_seen)) as landed_at,
    bool_or(status = 'loaded') as is_loaded,
    arg_max(run_id, sighting_id) filter (where status = 'loaded') as loaded_by
from ops.files
where file_id is not null
group by source, file_id
having bool_or(status in ('loaded', 'arrived'));

-- The first name of each content.
create or replace view ops.content_paths as
select file_id, min_by(path, sighting_id) as path
from ops.files
group by file_id;

-- Sources that are stored, whether files of them were seen or not.
create or replace view ops.known_sources as
select source from ops.files where status <> 'retired'
union
select source from ops.sources;

-- The last result of each check of each table.
create or replace view ops.latest_checks as
select *
from ops.checks
qualify row_number() over (partition by table_name, check_name order by check_id desc) = 1;

-- The latest accepted sighting of each path. A refused version does not replace the version that it was meant to replace.
create or replace view ops.accepted_paths as
select source, path, file_id, file_date
from ops.files
where status in ('loaded', 'duplicate')
    and file_id in (select loaded.file_id from ops.files as loaded where loaded.status = 'loaded')
qualify row_number() over (partition by source, path order by sighting_id desc) = 1;

create or replace view ops.live_files as
select source, file_id, max(file_date) as file_date
from ops.accepted_paths
group by source, file_id;

-- Snapshots that a person let in although they lose too much, and those of which that was taken back: one row per
-- decision, of which the latest about a path and content stands. What a lake of before had loaded is let in.
create table if not exists ops.acceptances as
select
    row_number() over (order by paths.file_date, paths.path) as acceptance_id,
    paths.source,
    paths.path,
    paths.file_id,
    true as is_accepted,
    'assay' as decided_by,
    'was loaded before snapshots were held back' as because,
    now() as decided_at
from ops.accepted_paths as paths
inner join ops.sources as sources on paths.source = sources.source
where sources.load = 'snapshot';

-- Kept counts that a person had put right by a recount of the rows; `corrected` holds what was kept and what was counted.
create table if not exists ops.count_corrections (
    source varchar not null,
    decided_by varchar not null,
    because varchar not null,
    decided_at timestamptz not null,
    corrected json not null
);

-- Which snapshot of a source counts (`current`), and the newer ones that are `held back`, with the reason.
create table if not exists ops.snapshots as
select newest.source, newest.path, newest.file_id, newest.file_date, 'current' as state, null::varchar as because
from ops.accepted_paths as newest
inner join ops.sources as sources on newest.source = sources.source
where sources.load = 'snapshot'
qualify row_number() over (partition by newest.source order by newest.file_date desc, newest.path desc) = 1;

-- Keys of the clean rows of a snapshot, of the one before it, and those of that one that it does not have. Before the
-- first one there is none: 0.
create table if not exists ops.snapshot_losses (
    source varchar not null,
    before_id bigint not null,
    file_id bigint not null,
    keys bigint not null,
    keys_before bigint not null,
    keys_lost bigint not null
);

-- The files whose rows count: all live ones, or the snapshot that counts.
create or replace view ops.current_files as
select live.source, live.file_id, live.file_date
from ops.live_files as live
inner join ops.sources as sources on live.source = sources.source
where sources.load in ('events', 'changes')
union all
select snapshots.source, snapshots.file_id, snapshots.file_date
from ops.snapshots as snapshots
inner join ops.sources as sources on snapshots.source = sources.source
where sources.load = 'snapshot' and snapshots.state = 'current';
