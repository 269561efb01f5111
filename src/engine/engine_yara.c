#include "engine_yara.h"
#include "yara_int.h"

#include "clock.h"
#include "str.h"

#include <errno.h>
#include <string.h>

struct matching {
	const struct scan_content *content;
	struct scan_result *result;
	bool enough;
};

static enum scan_verdict verdict_of(YR_RULE *rule)
{
	YR_META *meta;
	yr_rule_metas_foreach(rule, meta)
	{
		if (meta->type == META_TYPE_STRING && str_eq(meta->identifier, "verdict") &&
		    str_eq(meta->string, "infected"))
			return SCAN_INFECTED;
	}
	return SCAN_SUSPICIOUS;
}

static int hear(YR_SCAN_CONTEXT *context, int message, void *data, void *arg)
{
	struct matching *m = arg;
	char name[MAX_MALWARE_NAME];

	(void)context;
	if (message != CALLBACK_MSG_RULE_MATCHING)
		return CALLBACK_CONTINUE; /* a string with too many matches: libyara goes on without it */
	YR_RULE *rule = data;
	if (str_eq(rule->ns->name, YARA_PLANTED_NAMESPACE))
		(void)str_copy(name, sizeof name, ENGINE_PLANTED);
	else
		snprintf(name, sizeof name, "YARA.%s", rule->identifier);
	scan_result_add(m->result, engine_yara.name, name, verdict_of(rule), m->content->depth);
	m->enough = m->result->finds[0].verdict == SCAN_INFECTED || m->result->n_finds == MAX_SCAN_FINDS;
	return m->enough ? CALLBACK_ABORT : CALLBACK_CONTINUE;
}

/* -ENOMEM; a rule set that was compiled elsewhere may lack a variable: that is no error. */
static int prepare(struct yara_set *set, struct matching *m, int64_t seconds)
{
	if (!set->scanner && yr_scanner_create(set->rules, &set->scanner) != ERROR_SUCCESS)
		return -ENOMEM;
	yr_scanner_set_callback(set->scanner, hear, m);
	yr_scanner_set_timeout(set->scanner, (int)seconds);
	(void)yr_scanner_define_string_variable(set->scanner, "filetype", content_type_name(m->content->type));
	(void)yr_scanner_define_integer_variable(set->scanner, "depth", m->content->depth);
	return 0;
}

/* Bytes in memory cannot go away, so that a fault there is a crash and is one. A file is mapped by libyara and may be
 * shortened meanwhile: there it catches the fault itself. */
static int run(struct yara_set *set, const struct scan_content *c)
{
	int flags = SCAN_FLAGS_FAST_MODE | SCAN_FLAGS_REPORT_RULES_MATCHING;

	yr_scanner_set_flags(set->scanner, c->bytes ? flags | SCAN_FLAGS_NO_TRYCATCH : flags);
	if (c->bytes)
		return yr_scanner_scan_mem(set->scanner, c->bytes, (size_t)c->size);
	return yr_scanner_scan_fd(set->scanner, c->fd);
}

static enum scan_reason reason_of(int r)
{
	switch (r) {
	case ERROR_SUCCESS:
	case ERROR_TOO_MANY_MATCHES:
		return SCAN_REASON_NONE;
	case ERROR_SCAN_TIMEOUT:
		return SCAN_TIMED_OUT;
	case ERROR_COULD_NOT_OPEN_FILE:
	case ERROR_COULD_NOT_MAP_FILE:
	case ERROR_COULD_NOT_READ_FILE:
		return SCAN_UNREADABLE;
	default:
		return SCAN_FAILED;
	}
}

static void scan(void *state, struct scan_content *c, const struct engine_scan *how, struct scan_result *r)
{
	struct yara *s = state;
	struct matching m = {.content = c, .result = r};

	if (c->size == 0 || c->normalised || (s->bare && c->size != YARA_MARKER))
		return;
	for (size_t i = 0; i < s->n && !m.enough; i++) {
		struct yara_set *set = &s->sets[i];
		if (set->type != CONTENT_OTHER && set->type != c->type)
			continue;
		int64_t seconds = (how->deadline_us - clock_mono_us()) / 1000000;
		enum scan_reason reason = SCAN_FAILED;
		if (prepare(set, &m, seconds < 1 ? 1 : seconds) == 0)
			reason = reason_of(run(set, c));
		if (reason != SCAN_REASON_NONE)
			scan_result_missed(r, engine_yara.name, reason);
	}
}

static const void *planted(void *state, size_t *ret_n)
{
	struct yara *s = state;
	*ret_n = sizeof s->marker;
	return s->marker;
}

const struct engine engine_yara = {
    .name = "yara", .load = yara_load, .unload = yara_unload, .scan = scan, .planted = planted};
