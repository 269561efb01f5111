/* An engine: something that looks at bytes and says what they are. A struct of functions and a state that it loads; the
 * pipeline (pipeline.h) is its only caller, one thread at a time. engine_marker.c is the smallest whole engine: start
 * from it, then add a row to the table of khien-scan.
 *
 * Loaded once by the template process, before it forks: `load` may be slow, may open files and may make threads of
 * none. `scan` runs in a jailed worker: no file is opened there but below the temporary folder, nothing is looked up by
 * name. */
#ifndef ENGINE_H
#define ENGINE_H

#include "content.h"
#include "err.h"
#include "scan_limits.h"
#include "scan_result.h"

#include <stddef.h>
#include <stdint.h>

/* What did not load, for people: file below the generation's folder, line (0: none in particular), what is wrong. */
typedef void engine_problem_fn(void *arg, const char *engine, const char *file, int line, const char *text);

struct engine_load {
	int signatures; /* the folder of one generation; stays open while `load` runs */
	const struct scan_limits *limits;
	engine_problem_fn *problem;
	void *problem_arg;
};

/* What the pipeline gives to an engine that unpacks: it calls for each inner content and does what is said. */
enum inner_answer { INNER_GO_ON, INNER_SKIP, INNER_STOP };
typedef enum inner_answer engine_inner_fn(void *arg, struct scan_content *inner);

struct engine_scan {
	const struct scan_limits *limits;
	int64_t deadline_us;    /* clock_mono_us; the engine gives up when it passes */
	const char *temporary;  /* a folder that only this worker uses; NULL: none */
	engine_inner_fn *inner; /* NULL: inner content need not be told */
	void *inner_arg;
};

struct engine {
	const char *name;
	/* Loads what the generation has for this engine. What does not compile is told to `problem` and left out; the
	 * rest must work. Below 0 only when the engine cannot work at all. *ret_signatures: how many it uses (its own
	 * planted one not counted). */
	int (*load)(const struct engine_load *l, void **ret_state, size_t *ret_signatures, struct err *e);
	void (*unload)(void *state); /* takes NULL */
	/* Looks at the content, adds finds (scan_result_add) and says what it could not look at (scan_result_missed).
	 * An engine that returns without either vouches that it has seen the whole content: 0 is never taken for
	 * granted from a library below. */
	void (*scan)(void *state, struct scan_content *c, const struct engine_scan *s, struct scan_result *r);
	/* Bytes, made at load with random numbers in them, that `scan` must find as ENGINE_PLANTED (the name may go on
	 * behind it). An engine that misses them is no protection. NULL: an engine that finds nothing by design. */
	const void *(*planted)(void *state, size_t *ret_n);
	bool unpacks; /* calls `inner`; at most one engine does */
};

#define ENGINE_PLANTED "Khien.Planted"

#endif
