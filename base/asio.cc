// Asio's own functions, compiled once (BOOST_ASIO_SEPARATE_COMPILATION in cmake/podium.cmake).
#include <boost/asio/impl/src.hpp>
