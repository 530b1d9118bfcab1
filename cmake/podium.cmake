# podium_library(NAME folder DEPS other-folders SOURCES ... LIBS third-party ...)
# One library a folder. DEPS is the whole list of Podium folders it may include; tests/architecture checks the includes
# against it, so the list here is the one place where the direction of dependencies is written down.
add_library(podium_options INTERFACE)
target_include_directories(podium_options INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include/podium>)
target_compile_features(podium_options INTERFACE cxx_std_20)
target_compile_options(podium_options INTERFACE $<BUILD_INTERFACE:-Wall> $<BUILD_INTERFACE:-Wextra> $<BUILD_INTERFACE:-Wshadow>
  $<BUILD_INTERFACE:-Wno-missing-field-initializers>)
target_compile_definitions(podium_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_HAS_STD_COROUTINE
  $<BUILD_INTERFACE:PODIUM_VERSION="${PROJECT_VERSION}">)
if(PODIUM_SANITIZE)
  target_compile_options(podium_options INTERFACE -fsanitize=${PODIUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(podium_options INTERFACE -fsanitize=${PODIUM_SANITIZE})
endif()

function(podium_library)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;SOURCES;LIBS" ${ARGN})
  add_library(podium_${ARG_NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(podium_${ARG_NAME} PUBLIC podium_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(podium_${ARG_NAME} PUBLIC podium_${dep})
  endforeach()
  target_link_libraries(podium_${ARG_NAME} PUBLIC ${ARG_LIBS})
endfunction()
