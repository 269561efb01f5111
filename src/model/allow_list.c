#include "allow_list.h"

#include <stdlib.h>
#include <string.h>

struct allow_list *allow_list_new(const struct allow_list *of)
{
	size_t texts = 0, head = sizeof *of + of->n * sizeof *of->v;
	for (size_t i = 0; i < of->n; i++)
		texts += strlen(of->v[i].reason) + 1;
	char *block = malloc(head + texts);
	if (!block)
		return NULL;
	struct allow_list *list = (struct allow_list *)block;
	struct allowance *v = (struct allowance *)(list + 1);
	char *text = block + head;
	*list = *of;
	list->v = v;
	for (size_t i = 0; i < of->n; i++) {
		size_t n = strlen(of->v[i].reason) + 1;
		v[i] = of->v[i];
		v[i].reason = memcpy(text, of->v[i].reason, n);
		text += n;
	}
	return list;
}

const char *allow_list_fault(const struct allow_list *l)
{
	if (l->n > MAX_ALLOWANCES)
		return "too many allowances";
	if ((l->n == 0) != (l->hash[0] == 0))
		return "an empty list has no hash, another one has";
	for (size_t i = 0; i < l->n; i++) {
		if (i && memcmp(l->v[i - 1].sha256, l->v[i].sha256, SHA256_BYTES) >= 0)
			return "allowances are not in order";
		if (l->v[i].until_us < 0 || strlen(l->v[i].reason) > MAX_ALLOW_REASON)
			return "an allowance that cannot be";
	}
	return NULL;
}
