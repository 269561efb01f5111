/* Prints the API's table of routes, a line each: method, path, permission, flags that tests must know. The integration
 * tests hold it against openapi.yaml and against their own matrix. */
#include "route.h"

int main(void)
{
	for (size_t t = 0; t < all_routes_n; t++)
		for (size_t i = 0; i < all_routes[t]->n; i++) {
			const struct route *r = &all_routes[t]->routes[i];
			printf("%s %s %s%s%s%s\n", r->method, r->path, permission_name(r->need),
			    r->flags & (ROUTE_WRITES | ROUTE_FIRST_WRITES) ? " writes" : "",
			    r->flags & ROUTE_SECRET ? " secret" : "", r->flags & ROUTE_SIMULATION ? " simulation" : "");
		}
	return 0;
}
