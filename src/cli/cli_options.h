/* Options that many commands share. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli.h"

#define FORMAT_OPTION                                                                                                  \
	{                                                                                                              \
		"format", NULL, VALUE_FORMAT, 0, "text", P("text, csv hoặc json", "text, csv or json")                 \
	}
#define AS_OF_OPTION                                                                                                   \
	{                                                                                                              \
		"as-of", "as_of", VALUE_DAY, 0, NULL,                                                                  \
		    P("đến hết ngày này (mặc định: bây giờ)", "as of this day's end (default: now)")                   \
	}
#define KNOWN_AT_OPTION                                                                                                \
	{                                                                                                              \
		"known-at", "known_at", VALUE_TIME, 0, NULL, P("theo những gì đã biết lúc đó", "as it was known then") \
	}
#define FROM_OPTION                                                                                                    \
	{                                                                                                              \
		"from", "from", VALUE_TIME, 0, NULL,                                                                   \
		    P("có hiệu lực từ (mặc định: bây giờ)", "holds from (default: now)")                               \
	}
#define UNTIL_OPTION                                                                                                   \
	{                                                                                                              \
		"until", "until", VALUE_TIME, 0, NULL,                                                                 \
		    P("cho đến trước (mặc định: chưa hẹn)", "until before (default: further notice)")                  \
	}
#define DOCUMENT_OPTIONS                                                                                               \
	{"document", "document", VALUE_TEXT, 0, NULL, P("số văn bản", "number of the document behind it")},            \
	{                                                                                                              \
		"document-day", "document_day", VALUE_DAY, 0, NULL, P("ngày văn bản", "its day")                       \
	}
#define UNIT_WORD(m)                                                                                                   \
	{                                                                                                              \
		"UNIT", m, VALUE_UNIT, OPTION_WORD | OPTION_NEEDED, NULL,                                              \
		    P("mã đơn vị hoặc khối; '-' là toàn tỉnh", "code of a unit or group; '-' is the province")         \
	}
#define MACHINE_WORD                                                                                                   \
	{                                                                                                              \
		"MACHINE", "machine", VALUE_TEXT, OPTION_WORD | OPTION_NEEDED, NULL,                                   \
		    P("định danh máy (32 chữ số hex)", "the machine's id (32 hex digits)")                             \
	}
#define REASON_OPTION                                                                                                  \
	{                                                                                                              \
		"reason", "reason", VALUE_TEXT, OPTION_NEEDED, NULL, P("lý do, được ghi lại", "why; it is recorded")   \
	}
#define NUMBER_WORD(NAME, m, vi, en)                                                                                   \
	{                                                                                                              \
		NAME, m, VALUE_NUMBER, OPTION_WORD | OPTION_NEEDED, NULL, P(vi, en)                                    \
	}
#define END_OPTIONS                                                                                                    \
	{                                                                                                              \
		NULL, NULL, VALUE_TEXT, 0, NULL, P(NULL, NULL)                                                         \
	}
#define END_COLUMNS                                                                                                    \
	{                                                                                                              \
		NULL, P(NULL, NULL), COLUMN_TEXT                                                                       \
	}
#define END_COMMANDS                                                                                                   \
	{                                                                                                              \
		NULL, P(NULL, NULL), NULL, NULL, NULL                                                                  \
	}
#define DONE P("Xong.", "Done.")

#endif
