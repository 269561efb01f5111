#include "scope.h"
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct scope {
	bool everything;
	size_t n;
	int64_t nodes[];
};

const struct scope *scope_everything(void)
{
	static const struct scope everything = {.everything = true};
	return &everything;
}

int scope_grant(struct scope **ret, const int64_t *nodes, size_t n)
{
	struct scope *s = malloc(sizeof *s + n * sizeof s->nodes[0]);
	if (s == NULL)
		return -ENOMEM;
	s->everything = false;
	s->n = n;
	if (n > 0)
		memcpy(s->nodes, nodes, n * sizeof nodes[0]);
	*ret = s;
	return 0;
}

void scope_free(struct scope *s)
{
	free(s);
}

static bool granted(const struct scope *s, int64_t node_id)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->nodes[i] == node_id)
			return true;
	}
	return false;
}

bool scope_is_everything(const struct scope *s)
{
	return s->everything || granted(s, NODE_PROVINCE);
}

bool scope_covers(const struct scope *s, const struct tree *t, int64_t node_id)
{
	const struct node *n = tree_node(t, node_id);
	if (n == NULL)
		return false;
	if (s->everything)
		return true;
	while (n != NULL && !granted(s, n->id))
		n = n->up;
	return n != NULL;
}
