-- What the centre allows whatever an engine says, by content: for a node and all below it (machine_id 0), or for one machine (node_id 0).
create table allow_fact(
  sha256 {b} not null, node_id {i} not null, machine_id {i} not null, valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  present {i} not null, reason text not null, document text not null, document_day {i} not null,
  primary key(sha256, node_id, machine_id, rev))
;
create index allow_fact_rev on allow_fact(rev)
;
-- The list that a machine is to have, as policy_hash; worked out from policy_key as well.
alter table machine_live add column allow_hash text not null default ''
;
-- What stands, or stood, in the machines' quarantines, as their events tell. state: 1 stands, 2 restored, 3 deleted. why: of the last
-- change, or why the last one failed.
create table quarantine_item(
  machine_id {i} not null, item {b} not null, install_id {i} not null, state {i} not null, sha256 {b} not null, name text not null,
  path_form {i} not null, path {b} not null, path_display text not null, taken_at {i} not null, changed_at {i} not null, why text not null,
  task_id {i} not null, primary key(machine_id, item))
;
create index quarantine_item_sha256 on quarantine_item(sha256, state)
;
create index quarantine_item_name on quarantine_item(name)
;
create index quarantine_item_changed on quarantine_item(changed_at, machine_id, item)
;
-- A task for a content wherever it stands below a node takes in the machines whose word comes later, of what was taken before the
-- task was made (created_real; clock_real).
alter table task add column node_id {i} not null default 0
;
alter table task add column sha256 {b}
;
alter table task add column created_real {i} not null default 0
;
create index task_sha256 on task(sha256)
;
-- Groups read this and not the rows: what was found by whom, when, and what was done.
create index detection_seen on detection(received_at, pos, stream_num, action, name, sha256)
;
create index detection_sha256 on detection(sha256, pos)
;
create index detection_name on detection(name, pos)
