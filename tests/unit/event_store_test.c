/* Events: each exactly once, whatever the network loses, repeats or delays, and whatever is put back from a backup. */
#include "agent_fixture.h"

#include "event_store.h"
#include "identity_int.h"
#include "rnd.h"
#include "task_store.h"

#include "clock.h"

static struct centre centre, *c = &centre;
static const struct ledger_who tester = {"account:1", "request-1"};

static int up(void **state)
{
	(void)state;
	centre_open(c);
	return 0;
}

static int down(void **state)
{
	(void)state;
	centre_close(c);
	return 0;
}

static void enrolled(struct agent *a, const char *host, int n)
{
	agent_new(a, host, hardware_of(n, n, n, n));
	assert_int_equal(agent_enrol(c, a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(agent_sync(c, a, NOTHING_LOST), VERDICT_OK);
}

static struct event detection_event(int64_t seq)
{
	struct event e = {.seq = seq,
	    .at_us = 5,
	    .kind = EVENT_DETECTION,
	    .detection = {.engine = "clamav",
	        .name = "Eicar-Test-Signature",
	        .type = "test",
	        .path = {.form = PATH_BYTES, .raw = "/tmp/\xff", .n = 6, .display = "/tmp/\\xff"},
	        .has_md5 = true,
	        .device = DEVICE_FIXED,
	        .action = ACTION_QUARANTINED},
	    .body = "{}"};
	rnd_bytes(e.id, sizeof e.id);
	return e;
}

struct take_job {
	const struct agent *a;
	const struct event_batch *b;
	struct events_taken t;
};

static int take(struct db *db, void *arg)
{
	struct take_job *j = arg;
	const struct agent_call call = {j->a->serial, SERIAL_MAX, "10.0.0.1", "request-7"};
	return events_take(db, &call, j->b, &j->t);
}

static struct events_taken send(const struct agent *a, const struct event_batch *b)
{
	struct take_job j = {.a = a, .b = b};
	int r = centre_job(c, take, &j);
	if (r)
		print_error("events: %d %s\n", r, db_error(c->db));
	assert_int_equal(r, 0);
	return j.t;
}

static struct event_batch batch_of(const struct agent *a, int stream, const struct event *all, size_t at, size_t n)
{
	struct event_batch b = {.first = all[at].seq, .floor = 1, .branch = a->branch, .n = n, .events = all + at};
	b.stream.b[0] = (uint8_t)stream;
	if (at)
		memcpy(b.prev_id, all[at - 1].id, sizeof b.prev_id);
	return b;
}

#define ROWS "select count(*) from detection"

static void marks_overlaps_gaps_and_forks(void **state)
{
	struct agent a;
	struct event e[30];
	(void)state;
	enrolled(&a, "pc", 1);
	for (int i = 0; i < 30; i++)
		e[i] = detection_event(i + 1);
	struct event_batch b = batch_of(&a, 1, e, 0, 10);
	struct events_taken t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.hwm, 10);
	assert_int_equal(t.stored, 10);
	t = send(&a, &b); /* the reply was lost */
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.repeated, 10);
	b = batch_of(&a, 1, e, 5, 10); /* overlaps */
	t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.hwm, 15);
	assert_int_equal(t.stored, 5);
	b = batch_of(&a, 1, e, 2, 3); /* late, below the mark */
	t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.hwm, 15);
	b = batch_of(&a, 1, e, 20, 5);
	t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_GAP);
	assert_int_equal(t.hwm, 15);
	assert_memory_equal(t.hwm_id, e[14].id, 8);
	assert_int_equal(centre_number(c, ROWS), 15);
	/* another event at a number that is taken: at the mark, below it, and behind it by its predecessor */
	struct event other = detection_event(15), low = detection_event(3),
	             next[2] = {detection_event(15), detection_event(16)};
	b = batch_of(&a, 1, e, 14, 1);
	b.events = &other;
	assert_int_equal(send(&a, &b).verdict, VERDICT_FORK);
	b = batch_of(&a, 1, e, 2, 1);
	b.events = &low;
	assert_int_equal(send(&a, &b).verdict, VERDICT_FORK);
	b = batch_of(&a, 1, next, 1, 1);
	assert_int_equal(send(&a, &b).verdict, VERDICT_FORK);
	assert_int_equal(centre_number(c, ROWS), 15);
	assert_int_equal(
	    centre_number(
	        c, "select count(*) from detection where request = 'request-7' and md5 is not null and sha256 is null"),
	    15);
}

static void a_stretch_that_nobody_has(void **state)
{
	struct agent a;
	struct event e[30];
	(void)state;
	enrolled(&a, "pc", 1);
	for (int i = 0; i < 30; i++)
		e[i] = detection_event(i + 1);
	struct event_batch b = batch_of(&a, 1, e, 0, 5);
	assert_int_equal(send(&a, &b).verdict, VERDICT_OK);
	b = batch_of(&a, 1, e, 12, 3); /* floor is 11: the agent has 11 and 12 still */
	b.floor = 11;
	assert_int_equal(send(&a, &b).verdict, VERDICT_GAP);
	b = batch_of(&a, 1, e, 10, 5);
	b.floor = 11;
	struct events_taken t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.hwm, 15);
	t = send(&a, &b);
	assert_int_equal(t.verdict, VERDICT_OK);
	assert_int_equal(t.stored, 0);
	assert_int_equal(centre_number(c, ROWS), 10);
	assert_int_equal(
	    centre_number(c, "select count(*) from event where kind = 4 and body = '{\"from\":6,\"to\":10}'"), 1);
	/* positions have no holes and no doubles */
	assert_int_equal(
	    centre_number(c, "select count(*) from (select pos from detection union select pos from event) d"), 11);
	assert_int_equal(centre_number(c, "select pos from export_head"), 11);
}

static void who_may_send(void **state)
{
	struct agent a, b;
	struct event e = detection_event(1);
	(void)state;
	enrolled(&a, "pc-1", 1);
	enrolled(&b, "pc-2", 2);
	struct event_batch batch = batch_of(&a, 1, &e, 0, 1);
	assert_int_equal(send(&a, &batch).verdict, VERDICT_OK);
	batch.branch = b.branch;
	assert_int_equal(send(&a, &batch).verdict, VERDICT_SYNC_FIRST);
	assert_int_equal(send(&b, &batch).verdict, VERDICT_STREAM);
	batch.branch = a.branch;
	struct agent unknown = a;
	unknown.serial[0] ^= 1;
	assert_int_equal(send(&unknown, &batch).verdict, VERDICT_REVOKED);
	struct agent copy = a; /* going on in two places */
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(agent_sync(c, &copy, NOTHING_LOST), VERDICT_OK);
	batch.branch = a.branch;
	assert_int_equal(send(&a, &batch).verdict, VERDICT_SYNC_FIRST);
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
	batch.branch = copy.branch;
	assert_int_equal(send(&copy, &batch).verdict, VERDICT_CLONE);
	batch.branch = a.branch;
	assert_int_equal(send(&a, &batch).verdict, VERDICT_OK);
	centre_sql(c, "update cert set not_after = 5");
	assert_int_equal(send(&a, &batch).verdict, VERDICT_EXPIRED);
	assert_int_equal(centre_number(c, ROWS), 1);
}

/* --- tasks --- */

struct wish_job {
	struct task_wish w;
	int64_t id, targets;
};

static int create(struct db *db, void *arg)
{
	struct wish_job *j = arg;
	struct err e = {0};
	return task_create(db, &tester, scope_everything(), &j->w, &j->id, &j->targets, &e);
}

static int64_t make_task(int64_t node_id, const char *const *machines, size_t n, int64_t expires)
{
	struct wish_job j = {.w = {.kind = TASK_REPORT_NOW,
	                         .args_text = "{}",
	                         .expires_real = expires,
	                         .node_id = node_id,
	                         .n_machines = n,
	                         .machines = machines}};
	assert_int_equal(centre_job(c, create, &j), 0);
	return j.id;
}

static int note_machine(void *arg, const struct task_row *t)
{
	*(struct task_row *)arg = *t;
	return 1;
}

static int state_is(void *arg, const struct task_target_row *t)
{
	return t->state == *(enum task_state *)arg ? 0 : -EBADMSG;
}

static void check_state(int64_t id, enum task_state s)
{
	assert_int_equal(task_targets(c->db, scope_everything(), id, state_is, &s), 0);
}

static void answer_task(const struct agent *a, int64_t task, bool ok, int64_t seq, struct event *before)
{
	struct event e[2] = {0};
	if (before)
		e[0] = *before;
	e[1] = (struct event){
	    .seq = seq, .kind = EVENT_TASK_RESULT, .task_id = task, .task_ok = ok, .body = "{\"ok\":true}"};
	rnd_bytes(e[1].id, sizeof e[1].id);
	struct event_batch b = batch_of(a, 1, e, 1, 1);
	assert_int_equal(send(a, &b).verdict, VERDICT_OK);
	if (before)
		*before = e[1];
}

static void held(void *arg, int64_t machine_id)
{
	(void)machine_id;
	++*(int *)arg;
}

static void a_task_from_wish_to_result(void **state)
{
	struct agent a, b;
	struct sync_watch watch;
	struct event last = {0};
	bool everyone;
	int woken = 0;
	int64_t soon = clock_real_us() + 3600 * US_PER_S;
	(void)state;
	enrolled(&a, "pc-1", 1);
	enrolled(&b, "pc-2", 2);
	assert_int_equal(sync_watch_begin(c->db, &watch), 0);
	int64_t all = make_task(NODE_PROVINCE, NULL, 0, soon);
	const char *const one[] = {a.machine};
	int64_t second = make_task(0, one, 1, soon);
	assert_int_equal(sync_watch_news(c->db, &watch, &everyone, held, &woken), 0);
	assert_false(everyone);
	assert_int_equal(woken, 2);
	woken = 0;
	assert_int_equal(sync_watch_news(c->db, &watch, &everyone, held, &woken), 0);
	assert_int_equal(woken, 0);
	check_state(all, TASK_WAITING);
	assert_int_equal(agent_sync(c, &a, REPLY_LOST), VERDICT_OK);
	check_state(all, TASK_WAITING);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
		assert_int_equal(agent_sync(c, &b, NOTHING_LOST), VERDICT_OK);
	}
	assert_int_equal(a.tasks_got, 2);
	assert_int_equal(b.tasks_got, 1);
	check_state(all, TASK_DELIVERED);
	answer_task(&a, second, true, 1, &last);
	answer_task(&a, all, false, 2, &last);
	check_state(second, TASK_DONE);
	struct task_row row;
	assert_int_equal(task_list(c->db, scope_everything(), 0, 10, note_machine, &row), 1);
	assert_int_equal(row.id, second);
	assert_int_equal(row.targets[TASK_DONE], 1);
	assert_int_equal(task_list(c->db, scope_everything(), second, 10, note_machine, &row), 1);
	assert_int_equal(row.targets[TASK_FAILED], 1);
	assert_int_equal(row.targets[TASK_DELIVERED], 1);
	int64_t n = 0;
	assert_int_equal(task_cancel(c->db, &tester, scope_everything(), all, &n), 0);
	assert_int_equal(n, 1);
	/* a restored snapshot asks again for what it has not seen */
	int64_t third = make_task(0, one, 1, soon);
	struct agent snapshot = a;
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
	check_state(third, TASK_DELIVERED);
	assert_int_equal(agent_sync(c, &snapshot, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(snapshot.task_seen, third);
}

static void a_task_whose_time_is_over(void **state)
{
	struct agent a;
	(void)state;
	enrolled(&a, "pc-1", 1);
	int64_t id = make_task(NODE_PROVINCE, NULL, 0, clock_real_us() + 3600 * US_PER_S);
	centre_sql(c, "update task set expires_real = 5");
	check_state(id, TASK_EXPIRED);
	assert_int_equal(agent_sync(c, &a, NOTHING_LOST), VERDICT_OK);
	assert_int_equal(a.tasks_got, 0);
	assert_int_equal(centre_number(c, "select state from task_target"), TASK_EXPIRED);
	struct wish_job j = {.w = {.kind = TASK_REPORT_NOW, .args_text = "{}", .expires_real = 5, .node_id = 1}};
	assert_int_equal(centre_job(c, create, &j), -EINVAL);
	const char *const none[] = {"00000000000000000000000000000000"};
	j.w = (struct task_wish){.kind = TASK_REPORT_NOW,
	    .args_text = "{}",
	    .expires_real = clock_real_us() + US_PER_S,
	    .n_machines = 1,
	    .machines = none};
	assert_int_equal(centre_job(c, create, &j), -ENOENT);
}

/* --- the oracle --- */

enum { MAX_EVENTS = 400, MAX_STREAMS = 64, KEPT_BATCHES = 6 };

struct spooled {
	int number; /* in the oracle */
	uint8_t id[8];
	struct event_was was;
};

/* A disk: streams with their events, oldest stream first. */
struct spool {
	size_t n;
	struct spool_stream {
		id16 id;
		int64_t last, acked;
		struct spooled e[MAX_EVENTS + 1]; /* by number in the stream */
	} stream[MAX_STREAMS];
};

static struct spool disk, snapshot_disk;

struct written {
	uint8_t id[8];
	bool sure; /* acknowledged, and no backup was put back since */
};
static struct written oracle[MAX_EVENTS * 4];
static int written;

struct kept_batch {
	struct event_batch b;
	struct event e[MAX_BATCH_EVENTS];
	int number[MAX_BATCH_EVENTS];
};
static struct kept_batch kept[KEPT_BATCHES];
static unsigned n_kept;

static uint64_t random_state;
static unsigned pick(unsigned n)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = random_state;
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % n);
}

static struct spool_stream *open_stream(struct spool *s)
{
	assert_true(s->n < MAX_STREAMS);
	struct spool_stream *t = &s->stream[s->n++];
	*t = (struct spool_stream){0};
	rnd_bytes(t->id.b, sizeof t->id.b);
	return t;
}

static struct spool_stream *newest(struct spool *s)
{
	return &s->stream[s->n - 1];
}

static void write_event(struct spool *s)
{
	struct spool_stream *t = newest(s);
	if (t->last == MAX_EVENTS || written == MAX_EVENTS * 4)
		return;
	struct spooled *e = &t->e[++t->last];
	*e = (struct spooled){.number = written};
	rnd_bytes(e->id, sizeof e->id);
	memcpy(oracle[written++].id, e->id, sizeof e->id);
}

/* All that is not acknowledged in the newest stream goes to a new one. */
static void move_on(struct spool *s)
{
	struct spool_stream *old = newest(s);
	struct spool_stream *new = open_stream(s);
	for (int64_t i = old->acked + 1; i <= old->last; i++) {
		struct spooled *e = &new->e[++new->last];
		*e = old->e[i];
		if (e->was.seq == 0)
			e->was = (struct event_was){old->id, i};
	}
	old->last = old->acked;
}

static void lost_branch(struct agent *a)
{
	assert_int_equal(agent_sync(c, a, NOTHING_LOST), VERDICT_OK);
}

/* Asks the centre where it stands with a stream. true: what it has is what we have. */
static bool compare(struct agent *a, struct spool_stream *t)
{
	a->n_streams = 1;
	a->streams[0] = (struct sync_stream){t->id, t->last};
	if (a->pending) /* the sync that is on the disk names what it named */
		lost_branch(a);
	lost_branch(a);
	const struct sync_mark *m = &a->marks[0];
	assert_memory_equal(&m->id, &t->id, sizeof t->id);
	if (m->hwm > t->last || (m->hwm && memcmp(m->hwm_id, t->e[m->hwm].id, 8) != 0))
		return false;
	t->acked = m->hwm;
	return true;
}

static void fill(struct kept_batch *k, const struct agent *a, const struct spool_stream *t, int64_t from, int64_t n)
{
	k->b = (struct event_batch){.stream = t->id, .first = from, .floor = 1, .branch = a->branch, .n = (size_t)n};
	if (from > 1)
		memcpy(k->b.prev_id, t->e[from - 1].id, 8);
	for (int64_t i = 0; i < n; i++) {
		const struct spooled *s = &t->e[from + i];
		struct event *e = &k->e[i];
		if (pick(4))
			*e = detection_event(from + i);
		else
			*e = (struct event){.seq = from + i, .kind = EVENT_STARTED, .body = "{}"};
		memcpy(e->id, s->id, 8);
		e->was = s->was;
		k->number[i] = s->number;
	}
}

static void take_ack(struct spool_stream *t, const struct kept_batch *k, const struct events_taken *r)
{
	for (size_t i = 0; i < k->b.n; i++)
		if (k->e[i].seq <= r->hwm)
			oracle[k->number[i]].sure = true;
	if (r->hwm > t->acked && r->hwm <= t->last)
		t->acked = r->hwm;
}

/* One call with the newest stream's next events, some of them again. false: there was nothing to send. */
static bool send_some(struct agent *a, struct spool *s, struct spool_stream *t, bool lost)
{
	int64_t from = t->acked + 1;
	if (from > t->last)
		return false;
	from -= from > 3 ? pick(3) : 0;
	int64_t n = t->last - from + 1, most = 1 + pick(12);
	struct kept_batch *k = &kept[n_kept++ % KEPT_BATCHES];
	fill(k, a, t, from, n < most ? n : most);
	k->b.events = k->e;
	struct events_taken r = send(a, &k->b);
	if (r.verdict == VERDICT_SYNC_FIRST)
		lost_branch(a);
	else if (r.verdict == VERDICT_FORK && t == newest(s))
		move_on(s);
	else if (r.verdict == VERDICT_OK && !lost)
		take_ack(t, k, &r);
	else if (r.verdict == VERDICT_GAP)
		t->acked = r.hwm;
	return true;
}

/* A call that the network kept. What became of it nobody hears. */
static void echo(const struct agent *a)
{
	if (n_kept == 0)
		return;
	struct kept_batch *k = &kept[pick(n_kept < KEPT_BATCHES ? n_kept : KEPT_BATCHES)];
	struct event_batch b = k->b;
	b.events = k->e;
	send(a, &b);
}

/* A backup: the streams' marks and the last position. */
static struct {
	size_t n;
	struct sync_mark mark[MAX_STREAMS * 2];
	int64_t pos;
} backup;

static void make_backup(void)
{
	struct db_rows *rows;
	backup.n = 0;
	assert_int_equal(db_query(c->db, &rows, "select id, hwm, hwm_id from stream order by num", ""), 0);
	while (db_next(rows) && backup.n < MAX_STREAMS * 2) {
		struct sync_mark *m = &backup.mark[backup.n++];
		size_t n;
		memcpy(m->id.b, db_blob(rows, 0, &n), ID_BYTES);
		m->hwm = db_i64(rows, 1);
		memcpy(m->hwm_id, db_blob(rows, 2, &n), 8);
	}
	assert_int_equal(db_done(rows), 0);
	backup.pos = centre_number(c, "select pos from export_head");
}

static int put_backup_back(struct db *db, void *arg)
{
	char epoch[ID_TEXT];
	(void)arg;
	int r = db_exec(db, NULL, "delete from detection where pos > $1", "i", backup.pos);
	if (r == 0)
		r = db_exec(db, NULL, "delete from event where pos > $1", "i", backup.pos);
	if (r == 0)
		r = db_exec(db, NULL, "update export_head set pos = $1", "i", backup.pos);
	if (r == 0)
		r = db_exec(db, NULL, "update stream set hwm = -1", "");
	for (size_t i = 0; i < backup.n && r == 0; i++)
		r = db_exec(db, NULL, "update stream set hwm = $2, hwm_id = $3 where id = $1", "bib",
		    backup.mark[i].id.b, (size_t)ID_BYTES, backup.mark[i].hwm, backup.mark[i].hwm_id, (size_t)8);
	if (r == 0)
		r = db_exec(db, NULL,
		    "delete from event_again where seq > (select hwm from stream where num = stream_num)", "");
	if (r == 0)
		r = db_exec(
		    db, NULL, "delete from event_again where stream_num in (select num from stream where hwm < 0)", "");
	if (r == 0)
		r = db_exec(db, NULL, "delete from stream where hwm < 0", "");
	return r ? r : store_new_epoch(db, &tester, epoch);
}

/* What an agent does when it sees another epoch: from the marks on, all that it still keeps. */
static void resend_all(struct agent *a, struct spool *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct spool_stream *t = &s->stream[i];
		bool same = compare(a, t);
		if (!same && t == newest(s))
			move_on(s);
		while (same && send_some(a, s, t, false))
			;
	}
}

static void catch_up(struct agent *a, struct spool *s)
{
	do {
		if (!compare(a, newest(s)))
			move_on(s);
		while (send_some(a, s, newest(s), false))
			;
	} while (newest(s)->acked < newest(s)->last);
}

static int64_t rows_of(const uint8_t id[8])
{
	int64_t n = -1;
	assert_int_equal(db_row(c->db,
	                     "select (select count(*) from detection where event_id = $1) + (select count(*) from "
	                     "event where event_id = $1"
	                     " and kind <> 4)",
	                     "b", id, (size_t)8, "i", &n),
	    0);
	return n;
}

static void check_all(uint64_t seed, const struct spool *s)
{
	for (int i = 0; i < written; i++) {
		int64_t n = rows_of(oracle[i].id);
		if (n > 1 || (oracle[i].sure && n != 1))
			fail_msg("seed %llu: event %d stands %lld times", (unsigned long long)seed, i, (long long)n);
	}
	for (size_t k = 0; k < s->n; k++)
		for (int64_t i = 1; i <= s->stream[k].last; i++)
			if (rows_of(s->stream[k].e[i].id) != 1)
				fail_msg("seed %llu: event %d is on the disk and stands %lld times",
				    (unsigned long long)seed, s->stream[k].e[i].number,
				    (long long)rows_of(s->stream[k].e[i].id));
	assert_int_equal(
	    centre_number(c, "select count(*) from (select pos from detection union select pos from event) d"),
	    centre_number(c, "select (select count(*) from detection) + (select count(*) from event)"));
}

static void one_run(uint64_t seed)
{
	struct agent a, snapshot;
	random_state = seed;
	written = 0;
	n_kept = 0;
	memset(oracle, 0, sizeof oracle);
	disk.n = 0;
	centre_open(c);
	enrolled(&a, "pc", 1);
	open_stream(&disk);
	snapshot_disk = disk;
	snapshot = a;
	make_backup();
	for (int i = 0; i < 120; i++) {
		unsigned what = pick(40);
		if (what < 14) {
			write_event(&disk);
		} else if (what < 30) {
			send_some(&a, &disk, newest(&disk), pick(3) == 0);
		} else if (what < 34) {
			echo(&a);
		} else if (what < 36) {
			if (!compare(&a, newest(&disk)))
				move_on(&disk);
		} else if (what == 36) {
			snapshot_disk = disk;
			snapshot = a;
		} else if (what == 37) { /* the computer is put back */
			disk = snapshot_disk;
			a = snapshot;
			if (!compare(&a, newest(&disk)))
				move_on(&disk);
		} else if (what == 38) {
			make_backup();
		} else if (pick(2) == 0) { /* the centre is put back */
			assert_int_equal(centre_job(c, put_backup_back, NULL), 0);
			for (int k = 0; k < written; k++)
				oracle[k].sure = false;
			n_kept = 0; /* and what the network kept is long gone */
			resend_all(&a, &disk);
		}
	}
	catch_up(&a, &disk);
	check_all(seed, &disk);
	centre_close(c);
}

static void exactly_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= (fixture_is_postgres() ? 40 : 120); seed++)
		one_run(seed);
}

#define EACH(f) EACH_WITH(f, up, down)

static int run(const char *kind)
{
	const struct CMUnitTest cases[] = {
	    EACH(marks_overlaps_gaps_and_forks),
	    EACH(a_stretch_that_nobody_has),
	    EACH(who_may_send),
	    EACH(a_task_from_wish_to_result),
	    EACH(a_task_whose_time_is_over),
	    cmocka_unit_test(exactly_once),
	};
	return cmocka_run_group_tests_name(kind, cases, fixture_store, fixture_close);
}

int main(int argc, char **argv)
{
	return fixture_main(argc, argv, run);
}
