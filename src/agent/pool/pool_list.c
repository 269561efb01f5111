#include "pool_int.h"

#include <stdlib.h>

void pool_list_init(struct pool_list *l)
{
	*l = (struct pool_list){.last = &l->first};
}

void pool_list_add(struct pool_list *l, struct pool_job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
	l->n++;
}

void pool_list_add_first(struct pool_list *l, struct pool_job *j)
{
	j->next = l->first;
	if (!l->first)
		l->last = &j->next;
	l->first = j;
	l->n++;
}

struct pool_job *pool_list_take(struct pool_list *l)
{
	struct pool_job *j = l->first;
	if (!j)
		return NULL;
	l->first = j->next;
	if (!l->first)
		l->last = &l->first;
	l->n--;
	return j;
}

void pool_job_free(struct pool_job *j)
{
	if (!j)
		return;
	free(j->states);
	free(j);
}
