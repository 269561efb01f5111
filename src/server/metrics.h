/* What the server counts, as OpenMetrics text, and its access log. */
#ifndef METRICS_H
#define METRICS_H

#include "buf.h"
#include "http.h"
#include "intake.h"
#include "store.h"

struct metrics;

int metrics_new(struct metrics **ret);
void metrics_free(struct metrics *m);

/* http_config.answered, its arg the metrics. */
void metrics_answered(void *metrics, const struct http_req *q, int status, int64_t us);

/* Whom to ask. */
void metrics_sources(struct metrics *m, struct http_server *http, struct store *store, struct intake *intake);
int metrics_text(struct metrics *m, struct buf *ret); /* -EAGAIN: before metrics_sources */

#endif
