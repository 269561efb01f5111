/* One call of the API, from its request to its answer. A handler sees what the choke point let through: who calls, the
 * scope that every query takes, the object that the path names. It answers by exactly one of the functions below. */
#ifndef CALL_H
#define CALL_H

#include "access.h"
#include "bounds.h"
#include "buf.h"
#include "form.h"
#include "http.h"
#include "ledger.h"
#include "problem.h"
#include "route.h"
#include "scope.h"

#include <jansson.h>

struct console;

enum { MAX_SMALL_BODY = 64 * 1024, MAX_ANSWER = 64 << 20, MAX_ADDRESS = 64 };

struct answer {
	int status;
	const char *type;
	char *body; /* owned */
	size_t n;
	enum problem problem;
	char field[64];
	char text[384];
	int retry_after_s;
	char cookie[192];  /* Set-Cookie, or "" */
	char download[96]; /* file name of an attachment, or "" */
};

struct call {
	struct console *console;
	struct http_req *req;
	const struct route *route;
	struct route_params params;
	enum language language;
	char address[MAX_ADDRESS]; /* of the peer */
	json_t *query, *body;      /* objects; body NULL when there is none */
	char bearer[BEARER_TEXT];  /* "" when there is none */
	bool by_cookie;
	bool query_read, body_read;

	/* set by the choke point, anew in each job */
	struct subject subject;
	struct scope *scope; /* of the route's permission; NULL for MAY_ANYONE and MAY_SELF */
	int64_t node;        /* the rule's node, where it names one */
	int64_t object;      /* the id of what the path names, where it names one */
	char actor[32];
	struct ledger_who who;

	/* on the writer */
	struct ledger_entry ledger;
	struct {
		char action[48], object[96];
		int64_t node_id;
		char *detail; /* owned; NULL: no entry was said */
	} entry;

	/* what `first` and `work` hand on to `run` */
	void *state;
	void (*state_free)(void *state);

	struct answer answer;
};

const char *call_param(const struct call *c, const char *name); /* never NULL for a name of the route's path */
/* The path's {name} as a number above 0; -ENOENT: it is none, so there is no such thing. */
int call_param_id(const struct call *c, const char *name, int64_t *ret);

/* Reads the JSON body, the query. The problem is set when they fail. */
int call_form(struct call *c, const struct form_field *fields, size_t n, void *dst, uint64_t *ret_given);
int call_query(struct call *c, const struct form_field *fields, size_t n, void *dst, uint64_t *ret_given);

/* Answers; `o` is taken over, NULL is out of memory. Return 0 or a negative errno. */
int call_json(struct call *c, int status, json_t *o);
int call_text(struct call *c, int status, const char *type, struct buf *b); /* b is emptied */

/* Refusals: the problem, the member that is at fault ("" for none) and words for a person, which may be NULL. Returns a
 * negative errno. */
int call_refuse(struct call *c, enum problem p, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What a library said; r < 0. e may be NULL. */
int call_refuse_err(struct call *c, int r, const char *field, const struct err *e);

/* Storage between the phases: zeroed, freed with the call (after `release`, which may be NULL). NULL: out of memory. */
void *call_state(struct call *c, size_t size, void (*release)(void *state));

#define CALL_FORM(c, f, dst, given)  call_form(c, f, sizeof(f) / sizeof((f)[0]), dst, given)
#define CALL_QUERY(c, f, dst, given) call_query(c, f, sizeof(f) / sizeof((f)[0]), dst, given)

#endif
