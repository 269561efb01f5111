/* Any text as a pattern, any as a name: pattern, line feed, name. A match ends within its limits (libFuzzer's time-out
 * watches), and what matched is a unit that is there. */
#include "naming.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct node nodes[] = {
    {.id = 1, .kind = NODE_KIND_PROVINCE, .present = true, .code = "", .name = "P", .code_fold = ""},
    {.id = 2, .kind = NODE_KIND_UNIT, .present = true, .code = "SNV", .name = "U", .code_fold = "snv", .up = &nodes[0]},
};
static const struct node *by_code[] = {&nodes[0], &nodes[1]};
static const struct tree tree = {.n = 2, .nodes = nodes, .by_code = by_code, .n_by_code = 2};

static void match(const char *pattern, const char *name)
{
	struct naming_match m;
	struct naming *rules;
	struct err e = {0};
	bool names_unit;
	if (naming_check_pattern(pattern, &names_unit, &e)) {
		if (e.text[0] == 0)
			abort();
		return;
	}
	const struct naming_rule rule = {.rule_id = 7, .pattern = pattern, .node_id = names_unit ? 0 : 2};
	if (naming_new(&rules) || naming_put(rules, &rule, false, &e) || naming_match(rules, &tree, name, &m))
		abort();
	if (m.outcome == NAMING_MATCHED && (m.node_id != 2 || m.rule_id != 7))
		abort();
	naming_free(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *text = malloc(n + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, n);
	text[n] = 0;
	char *name = strchr(text, '\n');
	if (name != NULL) {
		*name++ = 0;
		match(text, name);
	}
	free(text);
	return 0;
}
