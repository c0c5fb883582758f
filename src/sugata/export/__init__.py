"""Models that leave the house: folders, ONNX files."""

from sugata.export.folder import export_folder, load_folder
from sugata.export.onnx_file import export_decode_onnx, export_onnx

__all__ = ["export_decode_onnx", "export_folder", "export_onnx", "load_folder"]
