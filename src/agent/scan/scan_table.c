#include "engine_clamav.h"
#include "engine_yara.h"
#include "scan_int.h"

/* A new engine is a row here; they look in this order. */
const struct engine *const scan_table[] = {&engine_yara, &engine_clamav};
const size_t scan_table_n = sizeof scan_table / sizeof *scan_table;
