#include "access.h"

#include "call.h"
#include "clock.h"
#include "machine.h"
#include "str.h"
#include "unit.h"

#include <inttypes.h>

static int read_grants(struct db *db, struct subject *s)
{
	struct db_rows *rows;
	int r = db_query(db, &rows,
	    "select id, role, node_id from role_grant where account_id = $1 and ended_rev = 0 order by id", "i",
	    s->account_id);

	if (r)
		return r;
	while (s->n_grants < MAX_GRANTS && db_next(rows)) {
		if (role_find(db_text(rows, 1), &s->grants[s->n_grants].role))
			continue; /* a role of a newer version gives nothing here */
		s->grants[s->n_grants].id = db_i64(rows, 0);
		s->grants[s->n_grants++].node_id = db_i64(rows, 2);
	}
	return db_done(rows);
}

int access_subject(struct db *db, const char *bearer, struct subject *ret)
{
	struct subject s = {0};
	uint8_t hash[BEARER_HASH];
	int64_t kind, may, must_change = 0;
	int r = bearer_digest(bearer, hash);

	if (r)
		return -EACCES;
	r = db_row(db,
	    "select b.id, b.account_id, b.kind, b.may, b.node_id, b.expires_real, a.name from bearer b"
	    " join account a on a.id = b.account_id where b.hash = $1 and b.ended = 0 and b.expires_real > $2 and "
	    "a.disabled = 0",
	    "bi", hash, sizeof hash, clock_real_us(), "iiiiiiT", &s.bearer_id, &s.account_id, &kind, &may,
	    &s.limit_node, &s.expires_real, s.name, sizeof s.name);
	if (r)
		return r == -ENOENT ? -EACCES : r;
	s.kind = (enum bearer_kind)kind;
	s.may = (permission_set)may;
	r = db_row(db, "select count(*) from login where account_id = $1 and must_change <> 0", "i", s.account_id, "i",
	    &must_change);
	s.must_change = must_change;
	if (!r)
		r = read_grants(db, &s);
	if (!r)
		*ret = s;
	return r;
}

/* The part of a granted subtree that lies in the subtree that the bearer is limited to; 0: none of it. */
static int64_t limited(const struct subject *s, const struct tree *t, int64_t node_id)
{
	const struct node *granted, *limit;

	if (s->limit_node == NODE_PROVINCE)
		return node_id;
	granted = tree_node(t, node_id);
	limit = tree_node(t, s->limit_node);
	if (!granted || !limit)
		return 0;
	return tree_below(granted, limit->id) ? node_id : tree_below(limit, node_id) ? limit->id : 0;
}

static int make_scope(struct db *db, const struct subject *s, permission_set any_of, struct scope **ret)
{
	int64_t nodes[MAX_GRANTS], node;
	struct tree *t = NULL;
	size_t n = 0;
	int r = s->limit_node == NODE_PROVINCE ? 0 : tree_load_now(db, &t);

	if (r)
		return r;
	for (size_t i = 0; i < s->n_grants; i++) {
		bool has = false;
		for (int p = MAY_SELF; p < PERMISSION_END; p++)
			has |= (any_of & s->may & PERMISSION_BIT(p)) && role_has(s->grants[i].role, (enum permission)p);
		node = has ? limited(s, t, s->grants[i].node_id) : 0;
		if (node)
			nodes[n++] = node;
	}
	tree_free(t);
	return n ? scope_grant(ret, nodes, n) : -EPERM;
}

int access_scope(struct db *db, const struct subject *s, enum permission p, struct scope **ret)
{
	return make_scope(db, s, PERMISSION_BIT(p), ret);
}

int access_view(struct db *db, const struct subject *s, struct scope **ret)
{
	return make_scope(db, s, ~PERMISSION_BIT(MAY_SELF), ret);
}

bool access_covers(struct db *db, const struct scope *scope, int64_t node_id, int *ret_r)
{
	struct tree *t = NULL;
	bool covers = scope_is_everything(scope);

	*ret_r = 0;
	if (!covers)
		*ret_r = tree_load_now(db, &t);
	if (t)
		covers = scope_covers(scope, t, node_id);
	tree_free(t);
	return covers;
}

int access_require(struct db *db, struct call *c, int64_t node_id)
{
	struct scope *view = NULL;
	int r;
	bool seen;

	if (access_covers(db, c->scope, node_id, &r) || r)
		return r;
	r = access_view(db, &c->subject, &view);
	seen = !r && access_covers(db, view, node_id, &r);
	scope_free(view);
	if (r)
		return r;
	return call_refuse(c, seen ? PROBLEM_FORBIDDEN : PROBLEM_NOT_FOUND, "", NULL);
}

static int at_province(struct db *db, struct call *c)
{
	(void)db;
	c->node = NODE_PROVINCE;
	return scope_is_everything(c->scope) ? 0 : call_refuse(c, PROBLEM_FORBIDDEN, "", NULL);
}

static int at_anywhere(struct db *db, struct call *c)
{
	(void)db;
	(void)c;
	return 0;
}

/* The rule's node: needed in the scope, and the call's from here on. */
static int at(struct db *db, struct call *c, int64_t node_id)
{
	c->node = node_id;
	return access_require(db, c, node_id);
}

static int at_node(struct db *db, struct call *c)
{
	int64_t node;
	int r = call_param_id(c, "node", &node);

	return r ? r : at(db, c, node);
}

static int at_member(struct db *db, struct call *c, const char *member)
{
	const json_t *v = json_object_get(c->body, member);

	if (!v)
		return call_refuse(c, PROBLEM_INVALID, member, "this is missing");
	if (!json_is_integer(v) || json_integer_value(v) < 1)
		return call_refuse(c, PROBLEM_INVALID, member, "the id of a unit is expected");
	return at(db, c, json_integer_value(v));
}

/* No node is the province: said by whom the whole of it is granted. */
static int at_body_node(struct db *db, struct call *c)
{
	if (!json_object_get(c->body, "node") && scope_is_everything(c->scope))
		return at_province(db, c);
	return at_member(db, c, "node");
}

static int at_body_parent(struct db *db, struct call *c)
{
	return at_member(db, c, "parent");
}

static int at_query_node(struct db *db, struct call *c)
{
	const char *text = json_string_value(json_object_get(c->query, "node"));
	int64_t node;

	if (!text)
		return 0;
	if (str_i64(text, 1, INT64_MAX, &node))
		return call_refuse(c, PROBLEM_INVALID, "node", "the id of a unit is expected");
	return at(db, c, node);
}

static int at_machine(struct db *db, struct call *c)
{
	struct machine_row m = {0};
	int r = machine_get(db, scope_everything(), call_param(c, "machine"), &m);

	if (r)
		return r;
	c->object = m.machine_id;
	r = at(db, c, m.node_id);
	machine_row_release(&m);
	return r;
}

static int at_object(struct db *db, struct call *c, const char *param)
{
	(void)db;
	return call_param_id(c, param, &c->object);
}

static int at_task(struct db *db, struct call *c)
{
	return at_object(db, c, "task");
}

static int at_enrol_token(struct db *db, struct call *c)
{
	int64_t node;
	int r = db_row(db, "select node_id from enrol_token where id = $1", "t", call_param(c, "token"), "i", &node);

	return r ? r : at(db, c, node ? node : NODE_PROVINCE);
}

static int at_grant(struct db *db, struct call *c)
{
	int64_t node;
	int r = call_param_id(c, "grant", &c->object);

	if (!r)
		r = db_row(db, "select node_id from role_grant where id = $1", "i", c->object, "i", &node);
	return r ? r : at(db, c, node);
}

/* An account is its administrator's only if nothing that it may lies outside the administrator's subtrees: else a
 * password set anew would be a way into a neighbour's. One without any grant is the province's. */
static int at_account(struct db *db, struct call *c)
{
	struct subject other = {0};
	int64_t n = 0;
	int r = call_param_id(c, "account", &c->object);

	other.account_id = c->object;
	if (!r)
		r = db_row(db, "select count(*) from account where id = $1", "i", c->object, "i", &n);
	if (!r && !n)
		r = -ENOENT;
	if (!r)
		r = read_grants(db, &other);
	c->node = other.n_grants == 1 ? other.grants[0].node_id : NODE_PROVINCE;
	if (r || scope_is_everything(c->scope))
		return r;
	if (!other.n_grants)
		return -ENOENT;
	for (size_t i = 0; i < other.n_grants; i++)
		if (!access_covers(db, c->scope, other.grants[i].node_id, &r) || r)
			return r ? r : -ENOENT;
	return 0;
}

static int (*const places[AT_END])(struct db *db, struct call *c) = {
    [AT_PROVINCE] = at_province,
    [AT_ANYWHERE] = at_anywhere,
    [AT_NODE] = at_node,
    [AT_BODY_NODE] = at_body_node,
    [AT_BODY_PARENT] = at_body_parent,
    [AT_QUERY_NODE] = at_query_node,
    [AT_MACHINE] = at_machine,
    [AT_TASK] = at_task,
    [AT_ENROL_TOKEN] = at_enrol_token,
    [AT_ACCOUNT] = at_account,
    [AT_GRANT] = at_grant,
};

static int admit_subject(struct db *db, struct call *c)
{
	int r = c->bearer[0] ? access_subject(db, c->bearer, &c->subject) : -EACCES;

	if (r == -EACCES)
		return call_refuse(c, PROBLEM_NO_SESSION, "", NULL);
	if (r)
		return r;
	(void)snprintf(c->actor, sizeof c->actor, "account:%" PRId64, c->subject.account_id);
	if (c->subject.must_change && !(c->route->flags & ROUTE_BEFORE_CHANGE))
		return call_refuse(c, PROBLEM_MUST_CHANGE, "", NULL);
	if (c->subject.kind != BEARER_SESSION && (c->route->flags & ROUTE_SESSION_ONLY))
		return call_refuse(c, PROBLEM_FORBIDDEN, "", "this is not done with a script's token");
	return 0;
}

int access_admit(struct db *db, struct call *c)
{
	int r;

	scope_free(c->scope);
	c->scope = NULL;
	c->node = c->object = 0;
	c->who = (struct ledger_who){.actor = c->actor, .request = http_request_id(c->req)};
	(void)snprintf(c->actor, sizeof c->actor, "anyone");
	if (c->route->need == MAY_ANYONE)
		return 0;
	r = admit_subject(db, c);
	if (!r && !(c->subject.may & PERMISSION_BIT(c->route->need)))
		r = call_refuse(c, PROBLEM_FORBIDDEN, "", "this token is not made for it");
	if (r || c->route->need == MAY_SELF)
		return r;
	r = access_scope(db, &c->subject, c->route->need, &c->scope);
	if (r == -EPERM)
		return call_refuse(c, PROBLEM_FORBIDDEN, "", NULL);
	return r ? r : places[c->route->place](db, c);
}
