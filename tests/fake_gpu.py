"""A GPU without content: its tensors have device, precision, shape and layout, and no numbers.

These are torch's fake tensors, which graphs are traced with, and what they lack for a training on a machine without a
GPU: the backward pass, autocast, and errors where a program waits for the device. To torch's C++ the device of such a
tensor is "meta", which needs neither driver nor streams; autocast alone, which casts what is on a GPU, is told "cuda".
Much of that is private to torch and may change with its version.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._C import DispatchKey
from torch._dispatch.python import enable_python_dispatcher, no_python_dispatcher
from torch._ops import OpOverload, resolve_key
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode

GPU, META = torch.device("cuda", 0), torch.device("meta")
_COPY, _COPY_INTO = torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default
_ITEM = torch.ops.aten._local_scalar_dense.default
_DEVICE = torch.ops.prim.device.default


class DeviceError(AssertionError):
    """Something that must not happen on a GPU, or not within a step."""


class FakeGpu(FakeTensorMode):
    """Runs operations on tensors of a GPU that is not there.

    Attributes:
        in_step: whether the program must not wait for the device, as it does when it reads a number from it.
        operations: which ran on the device, each with the precision of its first tensor there.
    """

    avoid_device_init = True  # type: ignore[assignment]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and the check takes time at every operation

    def __init__(self) -> None:
        super().__init__(allow_fallback_kernels=False, allow_non_fake_inputs=True)
        self.in_step = False
        self.operations: set[tuple[OpOverload, torch.dtype]] = set()
        self._casting = [False]  # for each operation that C++ is at, the innermost last: whether it is autocast's
        self._kernels: list[tuple[OpOverload, DispatchKey]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is _DEVICE:
            return self.device_in_cpp(args[0])
        if func is _ITEM and args[0].constant is None:
            return self.read(args[0]).item()
        kwargs = kwargs or {}
        if kwargs.get("device") == META:  # what C++ was told
            kwargs = {**kwargs, "device": GPU}
        args = [self._placed(value) for value in args]
        tensors = list(_tensors((*args, *kwargs.values())))
        if func in (_COPY, _COPY_INTO):
            self._check_copy(func, args, kwargs)
        elif len(devices := {tensor.device.type for tensor in tensors if tensor.ndim}) > 1:
            raise DeviceError(f"{func} of tensors on {' and '.join(sorted(devices))}")
        on_gpu = next((tensor for tensor in tensors if tensor.device == GPU), None)
        if on_gpu is not None:
            self.operations.add((func, on_gpu.dtype))
        with self._inside(casts=False), no_python_dispatcher():  # shape functions in C++ are the faster ones
            return self.dispatch(func, types, args, kwargs)

    @contextlib.contextmanager
    def _inside(self, *, casts: bool) -> Iterator[None]:
        self._casting.append(casts)
        try:
            yield
        finally:
            self._casting.pop()

    def read(self, tensor: Tensor) -> Any:
        """What a program reads of a tensor: zeros."""
        if self.in_step and tensor.device == GPU:
            raise DeviceError(f"reading numbers of a tensor {tuple(tensor.shape)} waits for the device")
        return np.zeros(tensor.shape, str(tensor.dtype).removeprefix("torch."))

    def numpy(self, tensor: Tensor) -> Any:
        """``Tensor.numpy``."""
        if tensor.device == GPU:
            raise DeviceError(f"numpy() of a tensor {tuple(tensor.shape)} on the device")
        return self.read(tensor)

    def device_in_cpp(self, tensor: Tensor) -> torch.device:
        """What C++ is told when it asks for the device of a tensor."""
        return META if tensor.device == GPU and not self._casting[-1] else tensor.device

    def _placed(self, value: Any) -> Any:
        """An argument with the tensors on the GPU that C++ made on what it took for the device: indices of a list."""
        if isinstance(value, list | tuple):
            return [self._placed(item) for item in value]
        is_real = isinstance(value, Tensor) and not isinstance(value, FakeTensor) and value.device == META
        return FakeTensor(self, value, GPU) if is_real else value

    def _check_copy(self, func: Any, args: list[Any], kwargs: dict[str, Any]) -> None:
        if func is _COPY:
            source, target = args[0], kwargs.get("device") or args[0].device
            waits = not kwargs.get("non_blocking")
        else:
            source, target, waits = args[1], args[0].device, not any(args[2:])
        if self.in_step and waits and source.device.type != target.type:
            raise DeviceError(
                f"a copy of {tuple(source.shape)} from {source.device.type} to {target.type} waits for it"
            )

    def get_dispatch(self, operation: OpOverload, key: DispatchKey) -> Any:
        """The kernel of an operation for a dispatch key, which keeps account of where C++ is."""
        if key not in (DispatchKey.AutocastCUDA, DispatchKey.AutogradCUDA):
            return _get_dispatch(operation, key)
        kernel, casts = resolve_key(operation, key), key == DispatchKey.AutocastCUDA

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._inside(casts=casts):
                return operation._op_dk(kernel, *args, **kwargs)

        operation._dispatch_cache[key] = call
        self._kernels.append((operation, key))
        return call

    def forget_kernels(self) -> None:
        """Let torch look up kernels anew."""
        for operation, key in self._kernels:
            del operation._dispatch_cache[key]


_dispatch: Any = FakeTensor.__torch_dispatch__.__func__  # type: ignore[attr-defined]
_get_dispatch = OpOverload._get_dispatch


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


class _NamedDevices(TorchFunctionMode):
    """Gives a GPU without an index one, for torch would ask the driver for the current one."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.allclose:  # these tensors have no values
            return True
        return func(*map(_indexed, args), **{name: _indexed(value) for name, value in (kwargs or {}).items()})


def _indexed(value: Any) -> Any:
    return GPU if isinstance(value, str | torch.device) and str(value) == "cuda" else value


@contextlib.contextmanager
def fake_gpu() -> Iterator[FakeGpu]:
    """Inside, there seems to be a GPU.

    Only in a process that has not entered torch's own mode of fake tensors, as compilation does: without a GPU torch
    then makes itself believe in one for good, and every backward pass asks the driver.
    """
    gpu = FakeGpu()

    def dispatch(_: type, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return gpu.device_in_cpp(args[0]) if func is _DEVICE else _dispatch(FakeTensor, func, types, args, kwargs or {})

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch._C, "_ensureCUDADeviceGuardSet", lambda: None)
        patched.setattr(OpOverload, "_get_dispatch", lambda operation, key: gpu.get_dispatch(operation, key))
        patched.setattr(FakeTensor, "__torch_dispatch__", classmethod(dispatch))
        patched.setattr(FakeTensor, "tolist", lambda tensor: gpu.read(tensor).tolist())
        patched.setattr(FakeTensor, "numpy", lambda tensor: gpu.numpy(tensor), raising=False)
        patched.setattr(FakeTensor, "__deepcopy__", _deepcopy, raising=False)
        patched.setattr(nn.Module, "_apply", _apply)
        patched.setattr(torch.cuda, "is_available", lambda: True)
        patched.setattr(torch.cuda, "device_count", lambda: 1)
        patched.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
        patched.setattr(torch.optim.Optimizer, "_accelerator_graph_capture_health_check", lambda _: None)
        with gpu, _NamedDevices(), enable_python_dispatcher(), torch.autograd.set_multithreading_enabled(False):
            try:
                yield gpu
            finally:
                gpu.forget_kernels()


def _deepcopy(tensor: FakeTensor, memo: dict[int, Tensor]) -> Tensor:
    """``Tensor.__deepcopy__``, which would copy the mode as well."""
    if id(tensor) not in memo:
        copied = tensor.detach().clone()
        is_weight = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = nn.Parameter(copied, tensor.requires_grad) if is_weight else copied
    return memo[id(tensor)]


def _apply(module: nn.Module, function: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """``nn.Module._apply``, which would exchange the contents of weights, as fake tensors do not let it."""
    for child in module.children() if recurse else ():
        child._apply(function)
    for name, weight in module._parameters.items():
        if weight is not None:
            module._parameters[name] = nn.Parameter(function(weight.detach()), weight.requires_grad)
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = function(buffer)
    return module
