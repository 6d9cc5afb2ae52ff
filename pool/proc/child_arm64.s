#include "textflag.h"

// See call and forkAndDo in child.go. The kernel keeps all registers but R0.

#define EXIT_GROUP 94

TEXT ·forkAndDo(SB), NOSPLIT, $0-64
	MOVD todo+40(FP), R9
	MOVD failed+48(FP), R10
	MOVD nr+0(FP), R8
	MOVD a+8(FP), R0
	MOVD b+16(FP), R1
	MOVD c+24(FP), R2
	MOVD d+32(FP), R3
	MOVD $0, R4
	SVC
	CBZ R0, child
	MOVD R0, result+56(FP)
	RET

child:
	MOVD 0(R9), R8
	MOVD 8(R9), R0
	MOVD 16(R9), R1
	MOVD 24(R9), R2
	MOVD 32(R9), R3
	SVC
	MOVD 40(R9), R11 // want
	CMN $1, R11
	BEQ any
	CMP R11, R0
	BNE fail
any:
	CMN $4095, R0
	BCS fail // an error number
	ADD $48, R9
	B child

fail:
	MOVD R0, (R10)
exit:
	MOVD $127, R0
	MOVD $EXIT_GROUP, R8
	SVC
	B exit
