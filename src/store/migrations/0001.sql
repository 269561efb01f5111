-- {i} integer of 64 bits, {b} bytes, {id} self-numbering key, {zero32} 32 zero bytes. Times are microseconds, days are counts (base/day.h).
-- Facts: a row states that something was so from valid_from until before valid_to; rev says when it was said. Rows are
-- only ever added. What held at T as known at revision R: of the rows of one subject with rev <= R and
-- valid_from <= T < valid_to, the one with the highest rev. "The last word said about a moment wins."
create table meta(key text primary key, value text not null)
;
-- The audit chain's head: its revision numbers every ledger commit; locked by the update that takes one.
create table head(id {i} primary key, rev {i} not null, recorded_at {i} not null, hash {b} not null)
;
create table audit(
  rev {i} primary key, recorded_at {i} not null, real_at {i} not null,
  actor text not null, request text not null, action text not null, object text not null,
  node_id {i} not null, detail text not null, prev {b} not null, hash {b} not null)
;
create index audit_recorded on audit(recorded_at, rev)
;
-- Rows that will be exported take positions from here, in commit order; each receiver keeps its own cursor.
create table export_head(id {i} primary key, pos {i} not null)
;
create table receiver(name text primary key, cursor_pos {i} not null, rev {i} not null)
;
create table pulse(id {i} primary key, n {i} not null)
;
create table sim_clock(id {i} primary key, now_us {i} not null)
;
-- Units
create table node(id {id}, kind {i} not null, rev {i} not null)
;
create table node_fact(
  node_id {i} not null references node(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  present {i} not null, parent_id {i} not null, code text not null, name text not null, name_fold text not null,
  sort_order {i} not null, document text not null, document_day {i} not null,
  primary key(node_id, rev))
;
create index node_fact_code on node_fact(code)
;
create index node_fact_rev on node_fact(rev)
;
create table declared_fact(
  node_id {i} not null references node(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  present {i} not null, servers {i} not null, workstations {i} not null, document text not null, document_day {i} not null,
  primary key(node_id, rev))
;
-- Licences: pools by contract, documents that allocate or transfer, entries that sum to zero in each document and pool
-- (node_id 0 is the pool's own side).
create table pool(id {id}, rev {i} not null)
;
create table pool_fact(
  pool_id {i} not null references pool(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  present {i} not null, contract text not null, supplier text not null, quantity {i} not null,
  start_day {i} not null, end_day {i} not null,
  primary key(pool_id, rev))
;
create table alloc_doc(id {id}, rev {i} not null)
;
create table alloc_fact(
  doc_id {i} not null references alloc_doc(id), rev {i} not null, present {i} not null,
  valid_from {i} not null, number text not null, doc_day {i} not null, note text not null,
  primary key(doc_id, rev))
;
create table alloc_entry(
  doc_id {i} not null, rev {i} not null, line {i} not null, pool_id {i} not null references pool(id),
  node_id {i} not null, amount {i} not null,
  primary key(doc_id, rev, line), foreign key(doc_id, rev) references alloc_fact(doc_id, rev))
;
-- Naming rules: `pattern` with a group named `unit` gives the code of the unit, or node_id names it.
create table naming_rule(id {id}, rev {i} not null)
;
create table rule_fact(
  rule_id {i} not null references naming_rule(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  present {i} not null, priority {i} not null, pattern text not null, node_id {i} not null, note text not null,
  primary key(rule_id, rev))
;
create index rule_fact_rev on rule_fact(rev)
;
create table policy_fact(
  node_id {i} not null references node(id), name text not null, valid_from {i} not null, valid_to {i} not null,
  rev {i} not null, present {i} not null, value {i} not null, locked {i} not null,
  primary key(node_id, name, rev))
;
create index policy_fact_rev on policy_fact(rev)
;
-- Machines
create table machine(id {id}, uid text not null unique, rev {i} not null)
;
create table presence_fact(
  machine_id {i} not null references machine(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  installed {i} not null, reason text not null,
  primary key(machine_id, rev))
;
create table name_fact(
  machine_id {i} not null references machine(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  name text not null, name_fold text not null,
  primary key(machine_id, rev))
;
-- Where a machine hangs. basis: 1 rule, 2 overruled by a person, 3 enrolment token, 4 nothing (the province).
create table place_fact(
  machine_id {i} not null references machine(id), valid_from {i} not null, valid_to {i} not null, rev {i} not null,
  node_id {i} not null, basis {i} not null, rule_id {i} not null, reason text not null,
  primary key(machine_id, rev))
;
-- What a token gave a machine to hang on where no rule speaks; kept so that a rule's end finds the way back.
create table machine_token_node(machine_id {i} not null, rev {i} not null, node_id {i} not null, primary key(machine_id, rev))
;
-- Who is who: each decision with its evidence. apart: 1 from now on neither machine is joined with a newcomer whose
-- hardware is theirs in part, 2 nor with one whose hardware is theirs wholly.
create table identity_decision(
  id {id}, rev {i} not null, machine_id {i} not null, other_id {i} not null, kind text not null, apart {i} not null, detail text not null)
;
create index identity_decision_machine on identity_decision(machine_id)
;
create index identity_decision_other on identity_decision(other_id)
;
-- An installation: what one enrolment began. Renewals go on in it. key_hash is the key that it enrolled with; secret is
-- sealed under the server's key file. status: 1 valid, 2 revoked by a person, 3 superseded by `successor`, 4 superseded and has
-- spoken again: must enrol anew. joined: how it came to its machine: 1 as a new one, 2 by the same hardware, 3 by hardware that is the same in part.
create table install(
  id {id}, machine_id {i} not null references machine(id), key_hash {b} not null unique, install_id {b} not null,
  token_id text not null, secret {b} not null, joined {i} not null, status {i} not null, successor {i} not null,
  changed_beat {i} not null, enrolled_at {i} not null, enrolled_real {i} not null, rev {i} not null)
;
create index install_machine on install(machine_id)
;
create index install_changed on install(changed_beat)
;
-- The hardware of an installation, in force (replaced as it changes; each change is an audit entry).
create table install_hw(install_id {i} not null references install(id), kind {i} not null, digest {b} not null, primary key(install_id, kind, digest))
;
create index install_hw_digest on install_hw(digest)
;
-- Observations: appended, never revised, known when they happened.
create table heard_day(machine_id {i} not null, day {i} not null, first_at {i} not null, primary key(machine_id, day))
;
create table protection_seen(
  machine_id {i} not null, at {i} not null, engine_ready {i} not null, on_access {i} not null, signature_day {i} not null,
  other_on {i} not null, other_signature_day {i} not null, problems text not null,
  primary key(machine_id, at))
;
-- Live state: the one table of machines that is overwritten, with machine_state. Nothing in it is a figure of a past day.
-- Narrow, because every sync writes its row. install_id: the installation that the machine is now. branch, counter and nonces
-- (of the last eight counters) belong to it. heard_day: the last one in heard_day. policy_key: what policy_hash was worked out from.
create table machine_live(
  machine_id {i} primary key, install_id {i} not null, installed {i} not null, last_seen {i} not null, last_seen_real {i} not null,
  branch {b} not null, counter {i} not null, nonces {b} not null, state_hash {b} not null, hw_hash {b} not null,
  heard_day {i} not null, policy_key {i} not null, policy_hash text not null, policy_interval_s {i} not null,
  policy_version {i} not null, address text not null, agent_version text not null)
;
create table machine_state(machine_id {i} primary key, received_at {i} not null, state text not null)
;
-- Branches of the sync counter. One at a time is current (its numbers are in machine_live while it is); a step back begins a
-- new one. status: 1 current, 2 replaced, 3 told to enrol anew.
create table branch(
  id {b} primary key, install_id {i} not null, parent {b} not null, born_counter {i} not null, born_nonce {b} not null,
  counter {i} not null, nonces {b} not null, status {i} not null, born_real {i} not null)
;
create index branch_install on branch(install_id)
;
create index branch_parent on branch(parent)
;
-- Who was told to enrol anew, until they do. hw: a digest over all hardware values.
create table clone(
  id {id}, machine_id {i} not null, install_id {i} not null, branch {b} not null, hw {b} not null, address text not null, state text not null,
  seen_at {i} not null, rev {i} not null, enrolled_as {i} not null)
;
create index clone_install on clone(install_id)
;
create index clone_open on clone(hw) where enrolled_as = 0
;
create table cert(
  serial {b} primary key, install_id {i} not null references install(id), key_hash {b} not null,
  not_before {i} not null, not_after {i} not null, pem text not null)
;
create index cert_install on cert(install_id)
;
create table enrol_token(
  id text primary key, auth_key {b} not null, node_id {i} not null, uses {i} not null, uses_left {i} not null, expires_real {i} not null,
  note text not null, revoked {i} not null, rev {i} not null)
;
-- Trust anchors by purpose ("agents-ca", "updates", …): a list of PEM or other text, replaceable, with a version.
create table anchor(purpose text primary key, version {i} not null, body text not null, changed_beat {i} not null, rev {i} not null)
;
-- Event streams
create table stream(
  num {id}, id {b} not null unique, machine_id {i} not null, install_id {i} not null, hwm {i} not null, hwm_id {b} not null, opened_at {i} not null)
;
create index stream_machine on stream(machine_id)
;
-- One row an event: detections in one table, all other kinds in the other. Whose it is says its stream (stream.num), so that
-- nothing of it is rewritten when an installation turns out to be a machine of its own.
create table detection(
  pos {i} primary key, stream_num {i} not null, seq {i} not null, event_id {b} not null, at {i} not null, received_at {i} not null,
  engine text not null, name text not null, type text not null, path_form {i} not null, path {b} not null,
  path_display text not null, md5 {b}, sha256 {b}, device {i} not null, action {i} not null, request text not null)
;
create unique index detection_place on detection(stream_num, seq)
;
create table event(
  pos {i} primary key, stream_num {i} not null, seq {i} not null, event_id {b} not null, at {i} not null, received_at {i} not null,
  kind {i} not null, body text not null, request text not null)
;
create unique index event_place on event(stream_num, seq)
;
-- Places in a stream whose event is stored elsewhere: under the stream where it stood first, or, for that first place, under the
-- one that it was sent in.
create table event_again(stream_num {i} not null, seq {i} not null, event_id {b} not null, primary key(stream_num, seq))
;
-- Tasks
create table task(
  id {id}, rev {i} not null, kind {i} not null, args text not null, actor text not null, created_at {i} not null,
  expires_real {i} not null, cancelled {i} not null)
;
create table task_target(
  task_id {i} not null references task(id), machine_id {i} not null references machine(id), state {i} not null,
  changed_beat {i} not null, delivered_at {i} not null, done_at {i} not null, result text not null,
  primary key(machine_id, task_id))
;
create index task_target_task on task_target(task_id)
;
create index task_target_open on task_target(machine_id, task_id) where state <= 2
;
create index task_target_changed on task_target(changed_beat)
;
-- People. An account is apart from its ways to sign in.
create table account(id {id}, name text not null unique, display text not null, disabled {i} not null, rev {i} not null)
;
create table login(
  issuer text not null, subject text not null, account_id {i} not null references account(id), secret text not null,
  must_change {i} not null, primary key(issuer, subject))
;
create index login_account on login(account_id)
;
-- Sign-ins that failed, by the name that was tried and the address that tried it: who guesses slows down nobody else.
create table signin_failure(
  subject text not null, address text not null, failures {i} not null, until_real {i} not null, primary key(subject, address))
;
create index signin_failure_until on signin_failure(until_real)
;
create table role_grant(
  id {id}, account_id {i} not null references account(id), role text not null, node_id {i} not null references node(id),
  origin text not null, rev {i} not null, ended_rev {i} not null)
;
create index role_grant_account on role_grant(account_id)
;
-- kind: 1 session of a browser, 2 token of a script. hash: BLAKE2b-256 of the bearer text. may: the permissions that it is
-- limited to, a bit each; node_id: the node whose subtree it is limited to.
create table bearer(
  id {id}, hash {b} not null unique, account_id {i} not null references account(id), kind {i} not null, label text not null,
  may {i} not null, node_id {i} not null, created_real {i} not null, expires_real {i} not null, ended {i} not null)
;
create index bearer_account on bearer(account_id)
;
-- Answers to writes that came with an Idempotency-Key, stored with the write; kept for a day.
create table repeat_answer(
  account_id {i} not null, key text not null, digest {b} not null, status {i} not null, body text not null,
  real_at {i} not null, primary key(account_id, key))
;
create index repeat_answer_at on repeat_answer(real_at)
;
insert into head(id, rev, recorded_at, hash) values (1, 0, 0, {zero32})
;
insert into export_head(id, pos) values (1, 0)
;
insert into pulse(id, n) values (1, 0)
