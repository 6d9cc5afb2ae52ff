#include "textflag.h"

// See call and forkAndDo in child.go. The kernel keeps all registers but AX, CX and R11.

#define EXIT_GROUP 231

TEXT ·forkAndDo(SB), NOSPLIT, $0-64
	MOVQ todo+40(FP), R12
	MOVQ failed+48(FP), R13
	MOVQ nr+0(FP), AX
	MOVQ a+8(FP), DI
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	MOVQ d+32(FP), R10
	MOVQ $0, R8
	SYSCALL
	TESTQ AX, AX
	JEQ child
	MOVQ AX, result+56(FP)
	RET

child:
	MOVQ 0(R12), AX
	MOVQ 8(R12), DI
	MOVQ 16(R12), SI
	MOVQ 24(R12), DX
	MOVQ 32(R12), R10
	SYSCALL
	MOVQ 40(R12), R9 // want
	CMPQ R9, $-1
	JEQ any
	CMPQ AX, R9
	JNE fail
any:
	CMPQ AX, $-4095
	JCC fail // unsigned: at or above
	ADDQ $48, R12
	JMP child

fail:
	MOVQ AX, 0(R13)
exit:
	MOVQ $127, DI
	MOVQ $EXIT_GROUP, AX
	SYSCALL
	JMP exit
