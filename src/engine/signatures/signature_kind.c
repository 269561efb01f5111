#include "signature_kind.h"

#include <string.h>
#include <strings.h>

static const char unwanted[] = "potentially unwanted programs are not looked for";
static const char container[] = "unpack it with `sigtool --unpack` first";

static const struct signature_kind kinds[] = {
    {".hdb", SIGNATURE_IMAGE, NULL, IMAGE_DENY, SIGNATURE_HASH_SIZE, false},
    {".hsb", SIGNATURE_IMAGE, NULL, IMAGE_DENY, SIGNATURE_HASH_SIZE, false},
    {".mdb", SIGNATURE_IMAGE, NULL, IMAGE_DENY, SIGNATURE_SIZE_HASH, true},
    {".msb", SIGNATURE_IMAGE, NULL, IMAGE_DENY, SIGNATURE_SIZE_HASH, true},
    {".fp", SIGNATURE_IMAGE, NULL, IMAGE_ALLOW, SIGNATURE_HASH_SIZE, false},
    {".sfp", SIGNATURE_IMAGE, NULL, IMAGE_ALLOW, SIGNATURE_HASH_SIZE, false},
    {".hashes", SIGNATURE_IMAGE, NULL, IMAGE_DENY, SIGNATURE_LIST, false},
    {".allow", SIGNATURE_IMAGE, NULL, IMAGE_ALLOW, SIGNATURE_LIST, false},
    {.suffix = ".ign", .use = SIGNATURE_IGNORE},
    {.suffix = ".ign2", .use = SIGNATURE_IGNORE},
    {.suffix = ".db", .use = SIGNATURE_BODY},
    {.suffix = ".ndb", .use = SIGNATURE_BODY},
    {.suffix = ".sdb", .use = SIGNATURE_BODY},
    {.suffix = ".ldb", .use = SIGNATURE_BODY},
    {.suffix = ".cdb", .use = SIGNATURE_BODY},
    {.suffix = ".idb", .use = SIGNATURE_BODY},
    {.suffix = ".imp", .use = SIGNATURE_BODY},
    {.suffix = ".ftm", .use = SIGNATURE_BODY},
    {.suffix = ".pdb", .use = SIGNATURE_BODY},
    {.suffix = ".gdb", .use = SIGNATURE_BODY},
    {.suffix = ".wdb", .use = SIGNATURE_BODY},
    {.suffix = ".crb", .use = SIGNATURE_BODY},
    {.suffix = ".cfg", .use = SIGNATURE_BODY},
    {.suffix = ".yar", .use = SIGNATURE_YARA},
    {.suffix = ".yara", .use = SIGNATURE_YARA},
    {.suffix = ".yarc", .use = SIGNATURE_YARA},
    {".hdu", SIGNATURE_LEFT_OUT, unwanted, IMAGE_DENY, SIGNATURE_HASH_SIZE, false},
    {".hsu", SIGNATURE_LEFT_OUT, unwanted, IMAGE_DENY, SIGNATURE_HASH_SIZE, false},
    {".mdu", SIGNATURE_LEFT_OUT, unwanted, IMAGE_DENY, SIGNATURE_SIZE_HASH, true},
    {".msu", SIGNATURE_LEFT_OUT, unwanted, IMAGE_DENY, SIGNATURE_SIZE_HASH, true},
    {.suffix = ".ndu", .use = SIGNATURE_LEFT_OUT, .why = unwanted},
    {.suffix = ".ldu", .use = SIGNATURE_LEFT_OUT, .why = unwanted},
    {.suffix = ".cbc", .use = SIGNATURE_LEFT_OUT, .why = "bytecode is not run"},
    {.suffix = ".info", .use = SIGNATURE_LEFT_OUT, .why = "it tells digests of files as they were packed"},
    {.suffix = ".cvd", .use = SIGNATURE_LEFT_OUT, .why = container},
    {.suffix = ".cld", .use = SIGNATURE_LEFT_OUT, .why = container},
    {.suffix = ".cud", .use = SIGNATURE_LEFT_OUT, .why = container},
};

const struct signature_kind *signature_kind_of(const char *file_name)
{
	const char *suffix = strrchr(file_name, '.');
	for (size_t i = 0; suffix && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcasecmp(kinds[i].suffix, suffix) == 0)
			return &kinds[i];
	return NULL;
}
