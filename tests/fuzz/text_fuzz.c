/* Any bytes as a name: what is stored is its own stored form, folding is done after one time, keys are equal for equal
 * texts. */
#include "str.h"
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int condition)
{
	if (!condition)
		abort();
}

static void check_stored(const char *s)
{
	char again[600], fold[2400], fold_again[9600], key[8192], key_again[8192];
	must(text_nfc(again, sizeof again, s) == 0);
	must(strcmp(again, s) == 0);
	must(utf8_valid(s, strlen(s)));
	if (text_fold(fold, sizeof fold, s) == 0) {
		must(text_fold(fold_again, sizeof fold_again, fold) == 0);
		must(strcmp(fold, fold_again) == 0);
	}
	int r = text_sort_key(key, sizeof key, s);
	must(r == text_sort_key(key_again, sizeof key_again, again));
	must(strcmp(key, key_again) == 0);
	must(text_width(s) <= strlen(s) * 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *source = malloc(n + 1), stored[512], any[256], fold[8192];
	if (source == NULL)
		return 0;
	memcpy(source, data, n);
	source[n] = 0;
	if (text_nfc(stored, sizeof stored, source) == 0)
		check_stored(stored);
	text_nfc_any(any, sizeof any, source);
	check_stored(any);
	must(text_fold(fold, sizeof fold, any) == 0);
	(void)text_fold(fold, sizeof fold, source);
	(void)text_sort_key(fold, sizeof fold, source);
	free(source);
	return 0;
}
