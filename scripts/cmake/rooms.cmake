# A room is one library with an include root of its own: build/view/<room>/<room> is a link to
# src/<room>, so that only the headers of declared rooms can be found. A room inside a room is named
# <outer>_<inner> and lies in src/<outer>/<inner>; to the outer one it is a room like any other.
function(add_room name)
  cmake_parse_arguments(PARSE_ARGV 1 ROOM "" "" "EXPOSES;USES;SYSTEM")
  string(REPLACE "_" "/" folder ${name})
  set(view ${PROJECT_BINARY_DIR}/view/${name})
  if(NOT EXISTS ${view}/${folder})
    cmake_path(GET folder PARENT_PATH outer)
    file(MAKE_DIRECTORY ${view}/${outer})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/src/${folder} ${view}/${folder} SYMBOLIC)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${folder}/*.cc)
  file(GLOB headers CONFIGURE_DEPENDS ${view}/${folder}/*.h)
  add_library(${name} STATIC ${sources})
  build_in_groups(${name} ${sources})
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${view} FILES ${headers})
  target_link_libraries(${name} PUBLIC ${ROOM_EXPOSES} PRIVATE ${ROOM_USES} ${ROOM_SYSTEM})
endfunction()
