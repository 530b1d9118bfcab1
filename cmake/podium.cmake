# podium_library(NAME folder DEPS other-folders SOURCES ... LIBS third-party ...)
# One library a folder. DEPS is the whole list of Podium folders it may include; tests/architecture checks the includes
# against it, so the list here is the one place where the direction of dependencies is written down.
add_library(podium_options INTERFACE)
target_include_directories(podium_options INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include/podium>)
target_compile_features(podium_options INTERFACE cxx_std_20)
target_compile_options(podium_options INTERFACE $<BUILD_INTERFACE:-Wall> $<BUILD_INTERFACE:-Wextra> $<BUILD_INTERFACE:-Wshadow>
  $<BUILD_INTERFACE:-Wno-missing-field-initializers>)
target_compile_definitions(podium_options INTERFACE
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_HAS_CO_AWAIT BOOST_ASIO_HAS_STD_COROUTINE BOOST_ASIO_SEPARATE_COMPILATION
  $<BUILD_INTERFACE:PODIUM_VERSION="${PROJECT_VERSION}">)
if(PODIUM_SANITIZE)
  target_compile_options(podium_options INTERFACE -fsanitize=${PODIUM_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(podium_options INTERFACE -fsanitize=${PODIUM_SANITIZE})
  # With GCC these are a third of the time to compile. A null pointer is AddressSanitizer's as well; the preset `fuzz` (clang)
  # looks for all of them.
  if(PODIUM_SANITIZE MATCHES undefined AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(podium_options INTERFACE -fno-sanitize=null,alignment,vptr,object-size,pointer-overflow)
  endif()
endif()

# What nearly every file includes is parsed once: half of a clean build is headers. Headers of the system alone, so that no edit
# of Podium's makes everything anew. -DPODIUM_PCH=OFF shows a file that lacks an include.
option(PODIUM_PCH "Precompile the headers that all files include" ON)
set(PODIUM_PCH_HEADERS <algorithm> <charconv> <chrono> <filesystem> <functional> <map> <memory> <optional> <set> <string>
  <thread> <vector> <tl/expected.hpp>)
if(PODIUM_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(podium_options INTERFACE $<BUILD_INTERFACE:-fpch-preprocess>)  # for ccache
endif()

# podium_pch(target): a target whose precompiled headers others take with podium_use_pch.
function(podium_pch target)
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc "")
  add_library(${target} STATIC ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE podium_options ${ARGN})
endfunction()
function(podium_use_pch target from)
  if(PODIUM_PCH)
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()
if(PODIUM_PCH)
  podium_pch(podium_headers)
  target_precompile_headers(podium_headers PRIVATE ${PODIUM_PCH_HEADERS})
  # For those who have coroutines. Not for the others: whoever includes Asio links it, and podium-grade must not.
  podium_pch(podium_async_headers)
  target_precompile_headers(podium_async_headers PRIVATE ${PODIUM_PCH_HEADERS} <boost/asio/awaitable.hpp>)
endif()

function(podium_library)
  cmake_parse_arguments(ARG "" "NAME" "DEPS;SOURCES;LIBS" ${ARGN})
  add_library(podium_${ARG_NAME} STATIC ${ARG_SOURCES})
  target_link_libraries(podium_${ARG_NAME} PUBLIC podium_options)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(podium_${ARG_NAME} PUBLIC podium_${dep})
  endforeach()
  target_link_libraries(podium_${ARG_NAME} PUBLIC ${ARG_LIBS})
  set(headers podium_headers)
  if(ARG_NAME STREQUAL async OR async IN_LIST ARG_DEPS)
    set(headers podium_async_headers)
  endif()
  podium_use_pch(podium_${ARG_NAME} ${headers})
endfunction()
