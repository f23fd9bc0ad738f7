# Warnings are errors in our own code; outside headers are SYSTEM and stay silent.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                    -Wold-style-cast -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # -Wnull-dereference only here: g++ 12 finds null pointers inside its own stream iterators.
  add_compile_options(-Wthread-safety -Wno-c++20-extensions -Wnull-dereference)
else()
  # g++ 12 sees overlapping copies in any "literal" + string at -O2 (its bug 105651).
  add_compile_options(-Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD)
  # Said of a file among others, not of the file: builds file by file say it where it is true.
  add_compile_options(-Wno-shadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-subobject-linkage)
  endif()
endif()
if(STSFS_SANITIZE)
  add_compile_options(-fsanitize=${STSFS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${STSFS_SANITIZE})
endif()
# -O2: half the compile time of -O3, and no slower where it was measured.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
include(CheckPIESupported)
check_pie_supported()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS
                      -fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
find_package(Threads REQUIRED)
link_libraries(Threads::Threads)
