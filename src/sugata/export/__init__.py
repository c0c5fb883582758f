"""Models that leave the house: folders, ONNX files."""

from sugata.export.blocks import export_blocks_folder, load_block_folder
from sugata.export.code_search import (
    CompressedSearch,
    compress_search,
    export_search_folder,
    load_search_folder,
)
from sugata.export.folder import export_folder, load_folder
from sugata.export.formats import convert_folder, load_transformers_folder
from sugata.export.image import (
    Pixels,
    ShippedImageNetwork,
    export_image_folder,
    export_image_onnx,
    load_image_folder,
    stored_image_size,
)
from sugata.export.latency_table import measure_latencies
from sugata.export.onnx_file import export_decode_onnx, export_encoder_onnx, export_onnx

__all__ = [
    "CompressedSearch",
    "Pixels",
    "ShippedImageNetwork",
    "compress_search",
    "convert_folder",
    "export_blocks_folder",
    "export_decode_onnx",
    "export_encoder_onnx",
    "export_folder",
    "export_image_folder",
    "export_image_onnx",
    "export_onnx",
    "export_search_folder",
    "load_block_folder",
    "load_folder",
    "load_image_folder",
    "load_search_folder",
    "load_transformers_folder",
    "measure_latencies",
    "stored_image_size",
]
