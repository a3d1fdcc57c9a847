set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
# mold links the many test programs fast; for the program that we ship the system's linker, which imports from glibc only what is used:
# mold also imports for sections that it drops, and so asks for a newer glibc.
find_program(MOLD mold)
if(MOLD AND NOT STOKER_STATIC)
  add_link_options(-fuse-ld=mold)
endif()

# Every target of ours links this; third-party headers come in as SYSTEM.
add_library(stoker_options INTERFACE)
target_compile_options(stoker_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside std::string and std::variant under -O2 (GCC PR 105329, 105562).
  target_compile_options(stoker_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # clang 19 blames our call of std::stable_sort for what libstdc++ 12 calls inside it.
  target_compile_options(stoker_options INTERFACE -Wno-deprecated-declarations)
endif()
target_include_directories(stoker_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_definitions(stoker_options INTERFACE STOKER_VERSION="${PROJECT_VERSION}")

if(STOKER_SANITIZE)
  add_compile_options(-fsanitize=${STOKER_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${STOKER_SANITIZE})
  if(STOKER_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffunction-sections -fdata-sections)
  add_link_options(-Wl,-z,relro,-z,now -Wl,--gc-sections)
endif()
