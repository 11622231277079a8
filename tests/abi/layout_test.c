/* Prints where every field of the plugin ABI lies, or compares it with a frozen list. Built as C11 and
 * as C++17, which must agree. That layout_fields.h leaves nothing out follows from sizes: without
 * padding, the fields of a struct add up to the struct.
 *
 *   layout_test --print          layout_test frozen/0.1.txt
 */
#include <neurotool/plugin/abi.h>
#include <neurotool/plugin/ext/codegen.h>
#include <neurotool/plugin/ext/host_nir.h>
#include <neurotool/plugin/ext/resources.h>
#include <neurotool/plugin/ext/simulate.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
#include <type_traits>
#define SAME_TYPE(type, name, ...) std::is_same<decltype(type::name), std::remove_const_t<__VA_ARGS__>>::value
#define STATIC_ASSERT static_assert
#else
#define SAME_TYPE(type, name, ...) \
  __builtin_types_compatible_p(__typeof__(((type*)0)->name), __typeof__(__VA_ARGS__))
#define STATIC_ASSERT _Static_assert
#endif

/* Types are what the list says. */
#define STRUCT(type)
#define FIELD(type, name, ...) STATIC_ASSERT(SAME_TYPE(type, name, __VA_ARGS__), #type "." #name);
#define END(type)
#define VALUE(name)
#include "layout_fields.h"
#undef STRUCT
#undef FIELD
#undef END
#undef VALUE

/* Nothing is left out, and nothing is padded. */
#define STRUCT(type) STATIC_ASSERT(sizeof(type) == 0
#define FIELD(type, name, ...) +sizeof(((type*)0)->name)
#define END(type) , #type " has fields that are not in layout_fields.h, or padding");
#define VALUE(name)
#include "layout_fields.h"
#undef STRUCT
#undef FIELD
#undef END
#undef VALUE

static void print_layout(FILE* out) {
  fprintf(out, "abi %d.%d\n", NT_ABI_MAJOR, NT_ABI_MINOR);
  fprintf(out, "entry %s\n", NT_PLUGIN_ENTRY);
  fprintf(out, "extensions %s %s %s %s\n", NT_EXT_SIMULATE, NT_EXT_CODEGEN, NT_EXT_RESOURCES,
          NT_EXT_HOST_NIR);
#define STRUCT(type) fprintf(out, "\n" #type " %zu\n", sizeof(type));
#define FIELD(type, name, ...) \
  fprintf(out, "  %3zu %3zu " #name " : " #__VA_ARGS__ "\n", offsetof(type, name), \
          sizeof(((type*)0)->name));
#define END(type)
#define VALUE(name)
#include "layout_fields.h"
#undef STRUCT
#undef FIELD
#undef END
#undef VALUE
  fprintf(out, "\n");
#define STRUCT(type)
#define FIELD(type, name, ...)
#define END(type)
#define VALUE(name) fprintf(out, #name " = %d\n", (int)name);
#include "layout_fields.h"
#undef STRUCT
#undef FIELD
#undef END
#undef VALUE
}

/* Compares line by line, so that the answer names the field. */
static int compare(FILE* found, FILE* frozen) {
  char found_line[512], frozen_line[512];
  for (int line = 1;; ++line) {
    const char* a = fgets(found_line, sizeof found_line, found);
    const char* b = fgets(frozen_line, sizeof frozen_line, frozen);
    if (!a && !b) return 0;
    if (a && b && strcmp(a, b) == 0) continue;
    fprintf(stderr, "line %d differs\n  frozen: %s  header: %s", line, b ? b : "(end)\n",
            a ? a : "(end)\n");
    return 1;
  }
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (strcmp(argv[1], "--print") == 0) {
    print_layout(stdout);
    return 0;
  }
  FILE* frozen = fopen(argv[1], "r");
  FILE* found = tmpfile();
  if (!frozen || !found) return 2;
  print_layout(found);
  rewind(found);
  const int answer = compare(found, frozen);
  fclose(found);
  fclose(frozen);
  return answer;
}
