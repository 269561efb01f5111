/* khien-scan: the template loads the engines once and forks workers, which share what it loaded.
 *
 *   khien-agent ── scan_messages ── template (user khien-scan) ──┬─ worker (jail) ── pool_messages ── khien-agent
 *                                                                └─ worker (jail) ── pool_messages ── khien-sweep
 *
 * A worker enters its jail, has every engine look at what is planted for it and reports both to the template, all
 * before its channel is handed to anybody: no byte from outside reaches a process that is not shut in. A worker dies
 * with its template, and is told apart from one that died of a content by the template's life (a pipe whose other end
 * the template alone holds). */
#ifndef SCAN_INT_H
#define SCAN_INT_H

#include "err.h"
#include "ipc_channel.h"
#include "pipeline.h"
#include "sandbox.h"
#include "scan_messages.h"
#include "scan_worker.h"

#include <sys/types.h>

enum { MAX_PENDING = 16, WORKER_CHANNEL = 3 };

/* A worker that is not handed over yet. */
struct pending {
	pid_t pid; /* 0: free */
	int64_t ticket, started_us;
	struct ipc_channel *channel;
	int pidfd;
};

struct template
{
	struct ipc_channel *parent;
	struct pipeline *pipeline;
	struct sandbox_report sandbox;
	struct scan_begin begin;
	int life[2];
	int signals;
	bool begun, verbose;
	struct pending pending[MAX_PENDING];
	struct buf out;
	char load_problem[512];
};

/* scan_engines.c */
void scan_engines_report(const struct pipeline *p, bool all_found, struct engine_states *ret);

/* scan_template.c: the template's side of the parent's words. Negative: the parent is gone or speaks nonsense. */
int template_hear(struct template *t);
int template_tell(struct template *t); /* sends t->out */

/* scan_spawn.c */
void template_spawn(struct template *t, int64_t ticket, enum scan_class class);
void template_hear_pending(struct template *t, struct pending *p);
void template_collect(struct template *t);           /* exits */
void template_tick(struct template *t, int64_t now); /* workers that do not come up */

/* scan_check.c: `khien-scan --check FOLDER`: loads a generation as the agent would, and has a jailed worker look at
 * what is planted. Prints what it found; the exit code. */
int scan_check(const char *folder, const char *user);

#endif
