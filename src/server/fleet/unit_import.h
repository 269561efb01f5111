/* Lists of units, groups and declarations as CSV, streamed: feed bytes as they come, finish, then apply in a write job.
 * What is wrong is told with line and column; nothing is written before the whole is right.
 *
 * groups        code, name
 * units         code, name, group (the code of the group or unit above), allocated (may be blank: no licences)
 * declarations  code, servers, workstations
 *
 * Columns are found by the head line, in any order; unknown ones are refused, as a misspelt `allocatd` would be lost.
 */
#ifndef UNIT_IMPORT_H
#define UNIT_IMPORT_H

#include "declared.h"
#include "licence.h"

enum import_kind { IMPORT_GROUPS, IMPORT_UNITS, IMPORT_DECLARED };

struct unit_import;
int unit_import_new(struct unit_import **ret, enum import_kind kind);
void unit_import_free(struct unit_import *i);
/* After an error every further call returns it again; the caller may stop reading its input. */
int unit_import_feed(struct unit_import *i, const void *p, size_t n, struct err *e);
int unit_import_finish(struct unit_import *i, struct err *e);

struct import_options {
	int64_t valid_from;   /* 0: recorded_at */
	const char *document; /* number of the document behind it, "" none */
	int32_t document_day;
	int64_t pool_id; /* units: the pool that `allocated` is from; required when any row has a number */
};
struct import_result {
	int64_t created, changed, unchanged, declared;
	int64_t doc_id; /* the allocating document, 0: none was needed */
	int64_t moved;  /* machines placed anew */
};
/* A code that is present is changed where the row differs, else created; rows that are not in the list stay as they
 * are. `allocated` is what the unit shall have from the pool; the difference becomes one document. */
int unit_import_apply(struct unit_import *i, struct db *db, const struct ledger_entry *l,
    const struct import_options *o, struct import_result *ret, struct err *e);

#endif
