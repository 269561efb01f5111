#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "clock.h"
#include "day.h"
#include "str.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID(x) ((id16){.b = {x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}})
#define HEX   "0123456789abcdef0123456789abcdef"

static struct inventory some_inventory(void)
{
	return (struct inventory){.host_name = "MÁY \"1\"\\\n\x01",
	    .domain = "ubnd.local",
	    .directory_path = "CN=MAY,OU=Sở Nội vụ",
	    .os_name = "Debian",
	    .os_kind = "linux",
	    .kernel = "6.1",
	    .agent_version = "0.1.0",
	    .n_addresses = 2,
	    .addresses = {"10.1.2.3", "fe80::1"},
	    .patches_pending = -1,
	    .security_patches_pending = 7,
	    .firewall = TRI_YES,
	    .restart_needed = TRI_NO,
	    .memory_bytes = INT64_MAX,
	    .cpus = 4};
}

static struct agent_state some_state(void)
{
	struct agent_state s = {
	    .inventory = some_inventory(), .engine_ready = true, .n_providers = 2, .problems = "một\nhai"};
	s.providers[0] = (struct provider){
	    .name = "khien", .ours = true, .on = TRI_YES, .on_access = TRI_NO, .note = ""};
	s.providers[1] = (struct provider){.name = "Microsoft Defender Antivirus", .on = TRI_UNKNOWN, .note = "x"};
	assert_int_equal(day_parse("2022-05-12", &s.providers[1].signature_day), 0);
	return s;
}

static struct hardware some_hardware(void)
{
	struct hardware h = {.n = 2, .v = {{HW_SMBIOS_UUID, ID(3)}, {HW_MAC, ID(1)}}};
	return h;
}

/* Reads what `b` holds, writes it again, and wants the same bytes. */
#define SAME_AGAIN(name, type, b)                                                                                      \
	do {                                                                                                           \
		struct arena a_ = ARENA_INIT;                                                                          \
		struct err e_ = {0};                                                                                   \
		type m_;                                                                                               \
		struct buf again_ = BUF_INIT(MAX_AGENT_BODY);                                                          \
		assert_int_equal((b)->error, 0);                                                                       \
		int r_ = wire_get_##name(&a_, (b)->p, (b)->n, &m_, &e_);                                               \
		assert_string_equal(e_.text, "");                                                                      \
		assert_int_equal(r_, 0);                                                                               \
		wire_put_##name(&again_, &m_);                                                                         \
		assert_string_equal(buf_str(&again_), buf_str(b));                                                     \
		buf_release(&again_);                                                                                  \
		arena_release(&a_);                                                                                    \
	} while (0)

static void enrolment_comes_back_as_it_went(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct wire_enrol m = {.token_id = "0123456789ab",
	    .csr = "-----BEGIN\n",
	    .install_id = ID(9),
	    .proof = {1, 2},
	    .seal_key = {255},
	    .hardware = some_hardware(),
	    .inventory = some_inventory()};
	wire_put_enrol(&b, &m);
	SAME_AGAIN(enrol, struct wire_enrol, &b);
	buf_clear(&b);
	struct wire_enrolled d = {.machine = ID(5),
	    .certificate = "PEM\n",
	    .sealed = {7},
	    .confirm = {8},
	    .server_time_us = 12,
	    .anchors = {.version = 3,
	        .n = 3,
	        .v = {{(char *)"updates", (char *)""}, {(char *)"agents-ca", (char *)"A\nB"},
	            {(char *)"zz", (char *)"1"}}}};
	wire_put_enrolled(&b, &d);
	assert_non_null(strstr(buf_str(&b), "{\"agents-ca\":\"A\\nB\",\"updates\":\"\",\"version\":3,\"zz\":\"1\"}"));
	SAME_AGAIN(enrolled, struct wire_enrolled, &b);
	buf_release(&b);
}

static void small_calls_come_back_as_they_went(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	wire_put_renew(&b, &(struct wire_renew){"csr", ID(1)});
	SAME_AGAIN(renew, struct wire_renew, &b);
	buf_clear(&b);
	wire_put_renewed(
	    &b, &(struct wire_renewed){.certificate = "c", .anchors = {.version = 1}, .server_time_us = TIME_END});
	SAME_AGAIN(renewed, struct wire_renewed, &b);
	buf_clear(&b);
	wire_put_goodbye(&b, &(struct wire_goodbye){"removed"});
	assert_string_equal(buf_str(&b), "{\"reason\":\"removed\",\"v\":1}");
	SAME_AGAIN(goodbye, struct wire_goodbye, &b);
	buf_clear(&b);
	wire_put_stored(&b, &(struct wire_stored){.stream = ID(1), .hwm = 121, .hwm_id = {1}, .epoch = HEX});
	SAME_AGAIN(stored, struct wire_stored, &b);
	buf_clear(&b);
	wire_put_error(
	    &b, &(struct wire_error){.code = "gap", .message = "m", .has_hwm = true, .hwm = 3, .hwm_id = {2}});
	SAME_AGAIN(error, struct wire_error, &b);
	buf_clear(&b);
	wire_put_error(&b, &(struct wire_error){.code = "busy", .message = "đợi"});
	SAME_AGAIN(error, struct wire_error, &b);
	buf_release(&b);
}

static void a_sync_comes_back_as_it_went(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct agent_state state = some_state();
	struct hardware hw = some_hardware();
	struct sync_up up = {.counter = 1,
	    .nonce = ID(2),
	    .install_id = ID(3),
	    .hardware_hash = ID(4),
	    .state_hash = ID(5),
	    .sent_us = 77};
	wire_put_sync_up(&b, &up);
	assert_non_null(strstr(buf_str(&b), "\"branch\":null"));
	assert_null(strstr(buf_str(&b), "\"state\":"));
	SAME_AGAIN(sync_up, struct sync_up, &b);
	buf_clear(&b);
	up.has_branch = true;
	up.branch = ID(0); /* the zero branch is a branch */
	up.hardware = &hw;
	up.state = &state;
	memcpy(up.epoch, HEX, sizeof HEX);
	up.n_streams = 2;
	up.streams[0] = (struct sync_stream){ID(7), 120};
	up.streams[1] = (struct sync_stream){ID(8), 0};
	wire_put_sync_up(&b, &up);
	SAME_AGAIN(sync_up, struct sync_up, &b);
	buf_release(&b);
}

static void a_syncs_answer_comes_back_as_it_went(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct sync_down down = {.server_time_us = 5, .branch = ID(1), .counter = 9, .next_s = 60, .epoch = HEX};
	wire_put_sync_down(&b, &down);
	assert_null(strstr(buf_str(&b), "policy"));
	assert_null(strstr(buf_str(&b), "anchors"));
	assert_null(strstr(buf_str(&b), "tasks"));
	assert_null(strstr(buf_str(&b), "need"));
	SAME_AGAIN(sync_down, struct sync_down, &b);
	buf_clear(&b);
	struct anchors anchors = {.version = 4, .n = 1, .v = {{(char *)"agents-ca", (char *)"PEM"}}};
	down.need = NEED_STATE | NEED_HARDWARE;
	down.policy_json = (char *)"{\"sync.interval_s\":60}";
	down.policy_version = 12;
	memcpy(down.policy_hash, HEX, sizeof HEX);
	down.anchors = &anchors;
	down.n_tasks = 2;
	down.tasks[0] = (struct sync_task){{5, TASK_REPORT_NOW, 99}, (char *)"{\"a\":[1,2]}"};
	down.tasks[1] = (struct sync_task){{6, TASK_COLLECT_STATUS, TIME_END}, NULL};
	down.n_streams = 1;
	down.streams[0] = (struct sync_mark){ID(1), 118, {1, 2, 3}};
	wire_put_sync_down(&b, &down);
	SAME_AGAIN(sync_down, struct sync_down, &b);
	buf_release(&b);
}

static const struct detection some_detection = {.engine = "clamav",
    .name = "Eicar-Test-Signature",
    .type = "test",
    .path = {PATH_BYTES, 9, "/home/\xff\x00\n", "/home/\\xff\\x00\\x0a"},
    .has_sha256 = true,
    .sha256 = {0xab},
    .device = DEVICE_MEMORY,
    .action = ACTION_FAILED};

static const struct quarantine_event some_change = {.change = QUARANTINE_FAILED,
    .item = ID(6),
    .sha256 = {0xab},
    .name = "Eicar",
    .path = {PATH_BYTES, 2, "/a", "/a"},
    .why = "the folder is gone",
    .task_id = 9};

static const struct scan_event some_account = {.extent = SCAN_FULL,
    .end = SCAN_INTERRUPTED,
    .started_us = 5,
    .files = 100,
    .bytes = INT64_MAX,
    .known = 90,
    .infected = 1,
    .suspicious = 2,
    .n_reasons = 2,
    .not_scanned = {{"encrypted", 3}, {"too-big", 4}},
    .why = "the computer went down"};

static void events_come_back_as_they_went(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct event v[6] = {
	    {.seq = 119, .id = {1}, .at_us = 5, .kind = EVENT_DETECTION, .detection = some_detection},
	    {.seq = 120,
	        .id = {2},
	        .at_us = 6,
	        .kind = EVENT_TASK_RESULT,
	        .task_id = 5,
	        .body = "{\"ok\":true,\"started\":true}",
	        .was = {ID(7), 3}},
	    {.seq = 121, .id = {3}, .at_us = 7, .kind = EVENT_STARTED, .body = "{}"},
	    {.seq = 122, .id = {4}, .kind = EVENT_DETECTION, .detection = some_detection},
	    {.seq = 123, .id = {5}, .kind = EVENT_QUARANTINE, .quarantine = some_change},
	    {.seq = 124, .id = {6}, .kind = EVENT_SCAN, .scan = some_account},
	};
	v[1].task_started = true;
	v[3].detection.has_item = true;
	v[3].detection.item = ID(6);
	v[3].detection.path = (struct os_path){PATH_UTF16, 0, "", ""};
	v[3].detection.has_md5 = true;
	struct event_batch batch = {
	    .stream = ID(1), .first = 119, .prev_id = {9}, .floor = 1, .branch = ID(2), .n = 6, .events = v};
	wire_put_events(&b, &batch);
	SAME_AGAIN(events, struct event_batch, &b);

	struct arena a = ARENA_INIT;
	struct event_batch got;
	assert_int_equal(wire_get_events(&a, b.p, b.n, &got, NULL), 0);
	assert_true(got.events[3].seq == 122 && got.events[1].task_ok && got.events[1].was.seq == 3);
	const struct os_path *p = &got.events[0].detection.path;
	assert_int_equal(p->n, 9);
	assert_memory_equal(p->raw, "/home/\xff\x00\n", 9);
	assert_false(got.events[0].detection.has_md5);
	assert_true(
	    got.events[1].task_started && !got.events[0].detection.has_item && got.events[3].detection.has_item);
	assert_memory_equal(got.events[3].detection.item.b, v[3].detection.item.b, ID_BYTES);
	assert_true(got.events[4].quarantine.change == QUARANTINE_FAILED && got.events[4].quarantine.task_id == 9);
	assert_string_equal(got.events[4].body,
	    "{\"change\":\"failed\",\"item\":\"06060606060606060606060606060606\",\"name\":\"Eicar\",\"path\":{"
	    "\"display\":"
	    "\"/a\",\"form\":\"bytes\",\"raw\":\"L2E=\"},\"sha256\":"
	    "\"ab00000000000000000000000000000000000000000000000000000000000000\",\"task\":9,\"why\":\"the folder is "
	    "gone\"}");
	assert_true(got.events[5].scan.n_reasons == 2 && got.events[5].scan.not_scanned[1].files == 4);
	assert_non_null(strstr(got.events[5].body, "{\"files\":3,\"reason\":\"encrypted\"}"));
	arena_release(&a);
	buf_release(&b);
}

static void a_state_is_canonical_and_hashed(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct agent_state state = some_state();
	wire_put_state(&b, &state);
	/* json.dumps(…, sort_keys=True, separators=(',', ':'), ensure_ascii=False) of the same */
	assert_string_equal(buf_str(&b),
	    "{\"engine_ready\":true,\"inventory\":{\"addresses\":[\"10.1.2.3\",\"fe80::1\"],\"agent_version\":\"0.1."
	    "0\",\"cpus\":4,"
	    "\"directory_path\":\"CN=MAY,OU=Sở Nội vụ\",\"domain\":\"ubnd.local\",\"firewall\":\"yes\","
	    "\"host_name\":\"MÁY "
	    "\\\"1\\\"\\\\\\n\\u0001\",\"kernel\":\"6.1\",\"memory_bytes\":9223372036854775807,\"os_kind\":\"linux\","
	    "\"os_name\":\"Debian\",\"patches_pending\":-1,\"restart_needed\":\"no\",\"security_patches_pending\":7},"
	    "\"problems\":\"một\\nhai\",\"providers\":[{\"name\":\"khien\",\"note\":\"\",\"on\":\"yes\",\"on_access\":"
	    "\"no\",\"ours\":true,"
	    "\"signature_day\":null},{\"name\":\"Microsoft Defender "
	    "Antivirus\",\"note\":\"x\",\"on\":\"unknown\",\"on_access\":\"unknown\","
	    "\"ours\":false,\"signature_day\":\"2022-05-12\"}]}");
	id16 h, same = wire_hash(b.p, b.n);
	assert_int_equal(wire_hash_state(&state, &h), 0);
	assert_memory_equal(h.b, same.b, ID_BYTES);
	char hex[ID_TEXT];
	h = wire_hash("abc", 3);
	hex_encode(hex, h.b, ID_BYTES);
	assert_string_equal(hex, "cf4ab791c62b8d2b2109c90275287816"); /* b2sum -l 128 */
	buf_release(&b);
}

struct refusal {
	const char *text, *why;
};

static void refuses(const struct refusal *v, size_t n, int (*get)(struct arena *, const char *, struct err *))
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = ARENA_INIT;
		struct err e = {0};
		int r = get(&a, v[i].text, &e);
		assert_int_not_equal(r, 0);
		assert_int_equal(r, e.code);
		if (!strstr(e.text, v[i].why))
			fail_msg("%s\n  said: %s\n  expected: %s", v[i].text, e.text, v[i].why);
		arena_release(&a);
	}
}

static int get_state(struct arena *a, const char *text, struct err *e)
{
	struct agent_state s;
	return wire_get_state(a, text, strlen(text), &s, e);
}

#define INV(more)                                                                                                      \
	"{\"addresses\":[],\"agent_version\":\"\",\"cpus\":1,\"directory_path\":\"\",\"domain\":\"\",\"firewall\":"    \
	"\"no\",\"kernel\":\"\","                                                                                      \
	"\"memory_bytes\":0,\"os_kind\":\"\",\"os_name\":\"\",\"restart_needed\":\"no\",\"security_patches_pending\":" \
	"0" more "}"
#define STATE(inv, providers)                                                                                          \
	"{\"engine_ready\":true,\"problems\":\"\",\"inventory\":" inv ",\"providers\":" providers "}"
#define GOOD_INV INV(",\"host_name\":\"a\",\"patches_pending\":0")
#define PROVIDER(name, day)                                                                                            \
	"{\"name\":" name ",\"note\":\"\",\"on\":\"no\",\"on_access\":\"no\",\"ours\":true,\"signature_day\":" day "}"

static void errors_name_the_member(void **unused)
{
	(void)unused;
	static const struct refusal v[] = {
	    {"", "line"},
	    {"[]", "object"},
	    {"{}", "engine_ready: is missing"},
	    {"{\"engine_ready\":1}", "engine_ready: true or false"},
	    {"{\"engine_ready\":true,\"engine_ready\":true}", "duplicate"},
	    {STATE("[]", "[]"), "inventory: an object"},
	    {STATE(INV(""), "[]"), "inventory.host_name: is missing"},
	    {STATE(INV(",\"host_name\":null,\"patches_pending\":0"), "[]"), "inventory.host_name: a text"},
	    {STATE(INV(",\"host_name\":\"a\\u0000b\",\"patches_pending\":0"), "[]"), "u0000"},
	    {STATE(INV(",\"host_name\":\"\xff\",\"patches_pending\":0"), "[]"), "unable to decode byte 0xff"},
	    {STATE(INV(",\"host_name\":\"\\ud800\",\"patches_pending\":0"), "[]"), "line"},
	    {STATE(INV(",\"host_name\":\"a\",\"patches_pending\":1.5"), "[]"),
	        "inventory.patches_pending: a whole number"},
	    {STATE(INV(",\"host_name\":\"a\",\"patches_pending\":-2"), "[]"), "inventory.patches_pending: out of"},
	    {STATE(INV(",\"host_name\":\"a\",\"patches_pending\":2147483648"), "[]"),
	        "inventory.patches_pending: out of"},
	    {STATE(INV(",\"host_name\":\"a\",\"patches_pending\":9223372036854775808"), "[]"), "too big"},
	    {STATE(GOOD_INV, "{}"), "providers: a list"},
	    {STATE(GOOD_INV, "[" PROVIDER("\"a\"", "null") ",7]"), "providers[1]: an object"},
	    {STATE(GOOD_INV, "[" PROVIDER("7", "null") "]"), "providers[0].name: a text"},
	    {STATE(GOOD_INV, "[" PROVIDER("\"a\"", "\"2022-02-30\"") "]"), "providers[0].signature_day: a day"},
	    {STATE(GOOD_INV, "[{},{},{},{},{},{},{},{},{}]"), "providers: too many"},
	};
	refuses(v, sizeof v / sizeof *v, get_state);
	struct arena a = ARENA_INIT;
	assert_int_equal(get_state(&a, STATE(GOOD_INV, "[" PROVIDER("\"a\"", "null") "]"), NULL), 0);
	arena_release(&a);
}

struct kind_args {
	enum task_kind kind;
	const char *text, *why; /* why NULL: it is taken */
};

static void a_tasks_arguments_are_closed(void **unused)
{
	(void)unused;
	static const struct kind_args v[] = {
	    {TASK_REPORT_NOW, "{}", NULL},
	    {TASK_REPORT_NOW, "{\"a\":1}", "does not take"},
	    {TASK_SCAN, "{\"extent\":\"quick\"}", NULL},
	    {TASK_SCAN, "{\"extent\":\"custom\",\"paths\":[\"/srv/Tài liệu\",\"C:\\\\\"]}", NULL},
	    {TASK_SCAN, "{}", "extent: is missing"},
	    {TASK_SCAN, "{\"extent\":\"deep\"}", "extent: not one"},
	    {TASK_SCAN, "{\"extent\":\"custom\"}", "names paths"},
	    {TASK_SCAN, "{\"extent\":\"full\",\"paths\":[\"/srv\"]}", "names paths"},
	    {TASK_SCAN, "{\"extent\":\"custom\",\"paths\":[]}", "too few"},
	    {TASK_SCAN, "{\"extent\":\"custom\",\"paths\":[\"srv\"]}", "absolute"},
	    {TASK_SCAN, "{\"extent\":\"custom\",\"paths\":[\"\"]}", "absolute"},
	    {TASK_SCAN, "{\"extent\":\"custom\",\"paths\":[7]}", "paths[0]: a text"},
	    {TASK_SCAN, "{\"extent\":\"quick\",\"shell\":\"id\"}", "does not take"},
	    {TASK_QUARANTINE_RESTORE, "{\"item\":\"" HEX "\"}", NULL},
	    {TASK_QUARANTINE_DELETE, "{\"sha256\":\"" HEX HEX "\"}", NULL},
	    {TASK_QUARANTINE_RESTORE, "{\"sha256\":\"" HEX "\"}", "sha256: lower-case hex"},
	    {TASK_QUARANTINE_RESTORE, "{}", "sha256: "},
	    {TASK_QUARANTINE_RESTORE, "{\"item\":\"" HEX "\",\"sha256\":\"" HEX HEX "\"}", "does not take"},
	    {TASK_QUARANTINE_RESTORE, "{\"item\":\"00000000000000000000000000000000\"}", "to be named"},
	    {TASK_KIND_END, "{}", "no such task"},
	};
	for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
		struct arena a = ARENA_INIT;
		struct buf b = BUF_INIT(MAX_TASK_ARGS);
		struct task_args args;
		struct err e = {0};
		int r = wire_get_task_args(&a, v[i].kind, v[i].text, strlen(v[i].text), &args, &e);
		if (!v[i].why) {
			assert_string_equal(e.text, "");
			wire_put_task_args(&b, v[i].kind, &args);
			assert_string_equal(buf_str(&b), v[i].text);
		} else if (!r || !strstr(e.text, v[i].why)) {
			fail_msg("%s\n  said: %s\n  expected: %s", v[i].text, e.text, v[i].why);
		}
		buf_release(&b);
		arena_release(&a);
	}
}

static int get_events(struct arena *a, const char *text, struct err *e)
{
	struct event_batch m;
	return wire_get_events(a, text, strlen(text), &m, e);
}

#define BATCH(events)                                                                                                  \
	"{\"v\":1,\"stream\":\"" HEX "\",\"first\":1,\"prev_id\":\"0000000000000000\",\"floor\":1,\"branch\":\"" HEX   \
	"\",\"events\":" events "}"
#define EVENT(kind, more) "{\"id\":\"0123456789abcdef\",\"at_us\":0,\"kind\":\"" kind "\"" more "}"
#define DETECTION(path)                                                                                                \
	EVENT("detection", ",\"detection\":{\"engine\":\"e\",\"name\":\"n\",\"type\":\"\",\"device\":\"fixed\","       \
	                   "\"action\":\"none\",\"path\":" path "}")

static void batches_are_bounded(void **unused)
{
	(void)unused;
	static const struct refusal v[] = {
	    {BATCH("[]"), "events: too few"},
	    {BATCH("[" EVENT("detection", "") "]"), "events[0].detection: is missing"},
	    {BATCH("[" EVENT("events-missing", ",\"body\":{}") "]"), "events[0].kind: not one of"},
	    {BATCH("[" EVENT("started", ",\"body\":[]") "]"), "events[0].body: an object"},
	    {BATCH("[" EVENT("task-result", ",\"task\":0,\"body\":{\"ok\":true}") "]"), "events[0].task: out of"},
	    {BATCH("[" EVENT("task-result", ",\"task\":1,\"body\":{}") "]"), "events[0].body.ok: is missing"},
	    {BATCH("[" EVENT("started", ",\"body\":{},\"was\":{\"stream\":\"" HEX "\",\"seq\":0}") "]"),
	        "events[0].was.seq: out of"},
	    {BATCH("[" DETECTION("{\"form\":\"bytes\",\"display\":\"\",\"raw\":\"A\"}") "]"),
	        "events[0].detection.path.raw: base64"},
	    {BATCH("[" DETECTION("{\"form\":\"utf16\",\"display\":\"\",\"raw\":\"YWFh\"}") "]"), "half a UTF-16 unit"},
	    {BATCH("[" DETECTION("{\"form\":\"utf8\",\"display\":\"\",\"raw\":\"\"}") "]"),
	        "events[0].detection.path.form: not one of"},
	    {"{\"v\":2}", "v: only version 1"},
	    {"{\"v\":1,\"stream\":\"0123456789ABCDEF0123456789abcdef\"}", "stream: lower-case hex"},
	    {"{\"v\":1,\"stream\":\"0123\"}", "stream: lower-case hex"},
	};
	refuses(v, sizeof v / sizeof *v, get_events);
	struct arena a = ARENA_INIT;
	assert_int_equal(
	    get_events(&a, BATCH("[" DETECTION("{\"form\":\"bytes\",\"display\":\"\",\"raw\":\"\"}") "]"), NULL), 0);
	arena_release(&a);
}

static void too_deep_and_too_long_is_refused_before_it_is_parsed(void **unused)
{
	(void)unused;
	struct arena a = ARENA_INIT;
	struct err e = {0};
	struct agent_state s;
	char *deep = malloc(MAX_AGENT_BODY + 1);
	memset(deep, '[', MAX_AGENT_BODY + 1);
	assert_int_equal(wire_get_state(&a, deep, MAX_AGENT_BODY + 1, &s, &e), -EMSGSIZE);
	e = (struct err){0};
	assert_int_equal(wire_get_state(&a, deep, MAX_AGENT_BODY, &s, &e), -EINVAL);
	assert_non_null(strstr(e.text, "nested deeper"));
	free(deep);
	/* brackets in a text are no depth */
	static const char quoted[] = "{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[[[[[[[[[[[\"}";
	e = (struct err){0};
	assert_int_equal(wire_get_state(&a, quoted, sizeof quoted - 1, &s, &e), -EINVAL);
	assert_string_equal(e.text, "engine_ready: is missing");
	arena_release(&a);
}

static void a_newer_side_does_not_end_the_talk(void **unused)
{
	(void)unused;
	static const char text[] = "{\"v\":1,\"future\":{\"x\":[]},\"server_time_us\":0,\"epoch\":\"" HEX
	                           "\",\"branch\":\"" HEX "\",\"counter\":1,\"need\":[\"later\",\"state\"],"
	                           "\"tasks\":[{\"id\":5,\"kind\":\"new-kind\",\"args\":{},\"expires_us\":0}],"
	                           "\"streams\":[],\"next_s\":0,\"hints\":[]}";
	struct arena a = ARENA_INIT;
	struct sync_down d;
	assert_int_equal(wire_get_sync_down(&a, text, sizeof text - 1, &d, NULL), 0);
	assert_int_equal(d.n_tasks, 1);
	assert_int_equal(d.tasks[0].task.kind, 0);
	assert_int_equal(d.need, NEED_STATE);
	arena_release(&a);
}

static void settings_are_typed_and_closed(void **unused)
{
	(void)unused;
	struct policy p;
	struct err e = {0};
	assert_int_equal(wire_get_settings("{\"sync.interval_s\":90,\"unheard.of\":{}}", 12, &p, NULL), 0);
	assert_int_equal(p.set[SETTING_SYNC_INTERVAL_S].value, 90);
	assert_int_equal(p.version, 12);
	assert_int_equal(wire_get_settings("{}", 1, &p, NULL), 0);
	assert_int_equal(p.set[SETTING_SYNC_INTERVAL_S].value, setting_defs[SETTING_SYNC_INTERVAL_S].standard);
	assert_int_equal(wire_get_settings("{\"sync.interval_s\":1}", 1, &p, &e), -EINVAL);
	assert_string_equal(e.text, "sync.interval_s: out of its range");
}

static void what_no_reader_would_take_does_not_leave(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	wire_put_goodbye(&b, &(struct wire_goodbye){"\xff"});
	assert_int_equal(b.error, -EILSEQ);
	buf_clear(&b);
	struct detection d = some_detection;
	d.action = 99;
	wire_put_detection(&b, &d);
	assert_int_equal(b.error, -EINVAL);
	buf_release(&b);
}

static void a_hundred_long_detections_a_batch(void **unused)
{
	(void)unused;
	struct buf b = BUF_INIT(MAX_AGENT_BODY);
	struct event v[MAX_BATCH_EVENTS];
	char path[400];
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = 0;
	for (size_t i = 0; i < MAX_BATCH_EVENTS; i++) {
		v[i] = (struct event){
		    .seq = (int64_t)i + 1, .at_us = 5, .kind = EVENT_DETECTION, .detection = some_detection};
		v[i].detection.path = (struct os_path){PATH_BYTES, 60, path, path + 339};
		v[i].detection.has_md5 = true;
	}
	struct event_batch batch = {.first = 1, .floor = 1, .n = MAX_BATCH_EVENTS, .events = v};
	wire_put_events(&b, &batch);
	assert_int_equal(b.error, 0);
	assert_true(b.n > MAX_BATCH_EVENTS * 400);
	int64_t best = INT64_MAX;
	for (int k = 0; k < 20; k++) {
		struct arena a = ARENA_INIT;
		struct event_batch got;
		int64_t began = clock_mono_us();
		assert_int_equal(wire_get_events(&a, b.p, b.n, &got, NULL), 0);
		int64_t took = clock_mono_us() - began;
		best = took < best ? took : best;
		assert_string_equal(got.events[99].detection.name, "Eicar-Test-Signature");
		arena_release(&a);
	}
	print_message(
	    "# %zu bytes an event, %lld us for %d\n", b.n / MAX_BATCH_EVENTS, (long long)best, MAX_BATCH_EVENTS);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(enrolment_comes_back_as_it_went),
	    cmocka_unit_test(small_calls_come_back_as_they_went),
	    cmocka_unit_test(a_sync_comes_back_as_it_went),
	    cmocka_unit_test(a_syncs_answer_comes_back_as_it_went),
	    cmocka_unit_test(events_come_back_as_they_went),
	    cmocka_unit_test(a_tasks_arguments_are_closed),
	    cmocka_unit_test(a_state_is_canonical_and_hashed),
	    cmocka_unit_test(errors_name_the_member),
	    cmocka_unit_test(batches_are_bounded),
	    cmocka_unit_test(too_deep_and_too_long_is_refused_before_it_is_parsed),
	    cmocka_unit_test(a_newer_side_does_not_end_the_talk),
	    cmocka_unit_test(settings_are_typed_and_closed),
	    cmocka_unit_test(what_no_reader_would_take_does_not_leave),
	    cmocka_unit_test(a_hundred_long_detections_a_batch),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
