#include "sync.h"

#include <stdlib.h>

void anchors_release(struct anchors *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].purpose);
		free(a->v[i].body);
	}
	*a = (struct anchors){0};
}

void sync_down_release(struct sync_down *d)
{
	free(d->policy_json);
	free(d->allow);
	if (d->anchors)
		anchors_release(d->anchors);
	free(d->anchors);
	for (size_t i = 0; i < d->n_tasks; i++)
		free(d->tasks[i].args);
	*d = (struct sync_down){0};
}
