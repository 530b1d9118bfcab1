#pragma once

#include <span>

#include "tables/frame/frame.h"

namespace podium {

// Picks and orders the rows of every column of a frame (not of its index), on some threads. Memory:
// a column a thread more than the frame's.
void TakeRows(Frame& frame, std::span<const RowIndex> rows);

}  // namespace podium
