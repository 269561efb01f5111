#include "array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int array_room(void *array, size_t *cap, size_t n, size_t element_size)
{
	void *old;
	if (n < *cap)
		return 0;
	size_t wanted = *cap ? *cap * 2 : 16;
	if (wanted < *cap || wanted > SIZE_MAX / element_size)
		return -ENOMEM;
	/* copied, not aliased: the caller's pointer has another type than void * */
	memcpy(&old, array, sizeof old);
	void *grown = realloc(old, wanted * element_size);
	if (grown == NULL)
		return -ENOMEM;
	memcpy(array, &grown, sizeof grown);
	*cap = wanted;
	return 0;
}
