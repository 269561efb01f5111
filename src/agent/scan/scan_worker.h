/* What a program needs that is khien-scan with other engines, or a worker without a template: tests and benches. */
#ifndef SCAN_WORKER_H
#define SCAN_WORKER_H

#include "pipeline.h"
#include "sandbox.h"

/* The program's table: which engines there are, in the order in which they look (scan_table.c; a test has another). */
extern const struct engine *const scan_table[];
extern const size_t scan_table_n;

int scan_engines_new(const struct scan_limits *limits, struct pipeline **ret);

/* scan_worker.c: never returns. */
struct worker_start {
	int channel;
	struct sandbox_plan *plan;
	bool verbose;
};
_Noreturn void worker_run(struct pipeline *pipeline, const struct worker_start *s);

#endif
