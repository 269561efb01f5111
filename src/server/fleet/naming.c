#define PCRE2_CODE_UNIT_WIDTH 8
#include "naming.h"
#include "array.h"
#include "str.h"
#include "text.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* Nothing of PCRE2 that could read inside a character or call out; the rule describes the whole name. */
enum {
	HOW = PCRE2_UTF | PCRE2_CASELESS | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C,
	MAX_NESTING = 50
};

struct compiled {
	struct naming_rule rule; /* texts are ours */
	pcre2_code *code;
	bool names_unit;
};

struct naming {
	size_t n, cap;
	struct compiled *rules;
	pcre2_match_context *limits;
	pcre2_match_data *data;
};

static int compile(const char *pattern, pcre2_code **ret, bool *ret_names_unit, struct err *e)
{
	char message[128];
	size_t offset = 0;
	int error = 0;
	if (strlen(pattern) > MAX_PATTERN)
		return err_set(e, -EINVAL, "the pattern is longer than %d bytes", MAX_PATTERN);
	pcre2_compile_context *c = pcre2_compile_context_create(NULL);
	if (c == NULL)
		return -ENOMEM;
	pcre2_set_parens_nest_limit(c, MAX_NESTING);
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, HOW, &error, &offset, c);
	pcre2_compile_context_free(c);
	if (code == NULL) {
		pcre2_get_error_message(error, (PCRE2_UCHAR *)message, sizeof message);
		return err_set(e, -EINVAL, "the pattern, at byte %zu: %s", offset, message);
	}
	*ret_names_unit = pcre2_substring_number_from_name(code, (PCRE2_SPTR) "unit") != PCRE2_ERROR_NOSUBSTRING;
	*ret = code;
	return 0;
}

int naming_check_pattern(const char *pattern, bool *ret_names_unit, struct err *e)
{
	pcre2_code *code = NULL;
	int r = compile(pattern, &code, ret_names_unit, e);
	if (r == 0)
		pcre2_code_free(code);
	return r;
}

static void compiled_release(struct compiled *c)
{
	free((char *)c->rule.pattern);
	free((char *)c->rule.note);
	pcre2_code_free(c->code);
}

void naming_free(struct naming *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < n->n; i++)
		compiled_release(&n->rules[i]);
	free(n->rules);
	pcre2_match_context_free(n->limits);
	pcre2_match_data_free(n->data);
	free(n);
}

int naming_new(struct naming **ret)
{
	struct naming *n = calloc(1, sizeof *n);
	if (n == NULL)
		return -ENOMEM;
	n->limits = pcre2_match_context_create(NULL);
	/* the whole match and up to MAX_PATTERN / 2 groups */
	n->data = pcre2_match_data_create(MAX_PATTERN / 2 + 1, NULL);
	if (n->limits == NULL || n->data == NULL) {
		naming_free(n);
		return -ENOMEM;
	}
	pcre2_set_match_limit(n->limits, NAMING_MATCH_LIMIT);
	pcre2_set_depth_limit(n->limits, NAMING_MATCH_LIMIT);
	pcre2_set_heap_limit(n->limits, NAMING_HEAP_KIB);
	*ret = n;
	return 0;
}

static int compare_rules(const void *pa, const void *pb)
{
	const struct naming_rule *a = &((const struct compiled *)pa)->rule, *b = &((const struct compiled *)pb)->rule;
	if (a->priority != b->priority)
		return a->priority < b->priority ? -1 : 1;
	return a->rule_id < b->rule_id ? -1 : a->rule_id > b->rule_id;
}

/* A stored pattern was compiled before it was stored; one that a later PCRE2 refuses is an error, not a rule less. */
static int add_rule(struct naming *n, const struct naming_rule *rule, struct err *e)
{
	struct compiled c = {.rule = *rule};
	int r = array_room(&n->rules, &n->cap, n->n, sizeof n->rules[0]);
	if (r)
		return r;
	c.rule.pattern = strdup(rule->pattern);
	c.rule.note = strdup(rule->note ? rule->note : "");
	r = c.rule.pattern && c.rule.note ? compile(rule->pattern, &c.code, &c.names_unit, e) : -ENOMEM;
	if (r)
		compiled_release(&c);
	else
		n->rules[n->n++] = c;
	return r;
}

static void drop_rule(struct naming *n, int64_t rule_id)
{
	for (size_t i = 0; i < n->n; i++) {
		if (n->rules[i].rule.rule_id != rule_id)
			continue;
		compiled_release(&n->rules[i]);
		n->n--;
		memmove(&n->rules[i], &n->rules[i + 1], (n->n - i) * sizeof n->rules[0]);
		return;
	}
}

static int take_row(struct naming *n, struct db_rows *rows)
{
	const struct naming_rule rule = {.rule_id = db_i64(rows, 0),
	    .rev = db_i64(rows, 1),
	    .priority = db_i64(rows, 3),
	    .pattern = db_text(rows, 4),
	    .node_id = db_i64(rows, 5),
	    .note = db_text(rows, 6)};
	/* the last word about a rule wins: rows come by rev */
	drop_rule(n, rule.rule_id);
	return db_i64(rows, 2) ? add_rule(n, &rule, NULL) : 0;
}

int naming_load(struct db *db, const struct as_of *at, struct naming **ret)
{
	struct db_rows *rows;
	struct naming *n;
	int r = naming_new(&n);
	if (r)
		return r;
	r = db_query(db, &rows,
	    "select rule_id, rev, present, priority, pattern, node_id, note from rule_fact"
	    " where rev <= $1 and valid_from <= $2 and $2 < valid_to order by rule_id, rev",
	    "ii", at->rev, at->at);
	while (r == 0 && db_next(rows))
		r = take_row(n, rows);
	int done = db_done(rows);
	r = r ? r : done;
	if (r) {
		naming_free(n);
		return r;
	}
	if (n->n > 0)
		qsort(n->rules, n->n, sizeof n->rules[0], compare_rules);
	*ret = n;
	return 0;
}

int naming_put(struct naming *n, const struct naming_rule *rule, bool remove, struct err *e)
{
	drop_rule(n, rule->rule_id);
	int r = remove ? 0 : add_rule(n, rule, e);
	if (r == 0 && n->n > 0)
		qsort(n->rules, n->n, sizeof n->rules[0], compare_rules);
	return r;
}

size_t naming_count(const struct naming *n)
{
	return n->n;
}

const struct naming_rule *naming_rule_at(const struct naming *n, size_t i)
{
	return &n->rules[i].rule;
}

static bool at_limit(int result)
{
	return result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT || result == PCRE2_ERROR_HEAPLIMIT;
}

/* The node that the match speaks of, NULL when it is not there. */
static const struct node *node_of(
    const struct naming *n, const struct compiled *c, const struct tree *t, char code[MAX_UNIT_CODE + 1])
{
	size_t size = MAX_UNIT_CODE + 1;
	code[0] = 0;
	if (!c->names_unit)
		return tree_present(t, c->rule.node_id);
	if (pcre2_substring_copy_byname(n->data, (PCRE2_SPTR) "unit", (PCRE2_UCHAR *)code, &size) != 0)
		return NULL;
	const struct node *unit = tree_by_code(t, code);
	return unit && unit->kind == NODE_KIND_UNIT ? unit : NULL;
}

static enum naming_outcome try_rule(
    struct naming *n, const struct compiled *c, const struct tree *t, const char *subject, struct naming_match *ret)
{
	char code[MAX_UNIT_CODE + 1];
	int result = pcre2_match(c->code, (PCRE2_SPTR)subject, strlen(subject), 0, 0, n->data, n->limits);
	if (at_limit(result))
		return NAMING_LIMIT;
	const struct node *unit = result > 0 ? node_of(n, c, t, code) : NULL;
	if (unit == NULL)
		return NAMING_NO_RULE;
	ret->node_id = unit->id;
	ret->rule_id = c->rule.rule_id;
	snprintf(ret->reason, sizeof ret->reason, "rule %lld%s%s", (long long)c->rule.rule_id, code[0] ? ": code " : "",
	    code);
	return NAMING_MATCHED;
}

static enum naming_outcome try_forms(struct naming *n, const struct compiled *c, const struct tree *t,
    const char *const forms[2], struct naming_match *ret)
{
	enum naming_outcome o = try_rule(n, c, t, forms[0], ret);
	if (o == NAMING_NO_RULE && forms[1] != NULL)
		o = try_rule(n, c, t, forms[1], ret);
	return o;
}

static bool is_ascii(const char *s)
{
	while (*s > 0)
		s++;
	return *s == 0;
}

int naming_match(struct naming *n, const struct tree *t, const char *name, struct naming_match *ret)
{
	char nfc[MAX_HOST_NAME + 1], fold[4 * MAX_HOST_NAME + 1];
	struct naming_match m = {.outcome = NAMING_NO_RULE};
	int r = text_nfc(nfc, sizeof nfc, name);
	if (r == 0)
		r = text_fold(fold, sizeof fold, nfc);
	if (r == -ENOMEM)
		return r;
	const char *const forms[2] = {nfc, is_ascii(nfc) ? NULL : fold};
	for (size_t i = 0; r == 0 && i < n->n && m.outcome != NAMING_MATCHED; i++) {
		enum naming_outcome o = try_forms(n, &n->rules[i], t, forms, &m);
		if (o != NAMING_NO_RULE)
			m.outcome = o;
	}
	*ret = m;
	return 0;
}
