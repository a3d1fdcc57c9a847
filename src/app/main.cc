#include <cstdio>

int main() {
  std::puts("stoker " STOKER_VERSION);
  return 0;
}
