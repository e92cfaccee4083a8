extension X86NamedRows {
  /// MMX instructions that SSE2 widened: without a prefix on MMX registers, with 66 on XMM registers.
  static let packedInteger = """
    0F60 punpcklbw 0F61 punpcklwd 0F62 punpckldq 0F63 packsswb 0F64 pcmpgtb 0F65 pcmpgtw 0F66 pcmpgtd
    0F67 packuswb 0F68 punpckhbw 0F69 punpckhwd 0F6A punpckhdq 0F6B packssdw
    0F74 pcmpeqb 0F75 pcmpeqw 0F76 pcmpeqd
    0FD1 psrlw 0FD2 psrld 0FD3 psrlq 0FD4 paddq 0FD5 pmullw 0FD8 psubusb 0FD9 psubusw 0FDA pminub
    0FDB pand 0FDC paddusb 0FDD paddusw 0FDE pmaxub 0FDF pandn 0FE0 pavgb 0FE1 psraw 0FE2 psrad 0FE3 pavgw
    0FE4 pmulhuw 0FE5 pmulhw 0FE8 psubsb 0FE9 psubsw 0FEA pminsw 0FEB por 0FEC paddsb 0FED paddsw
    0FEE pmaxsw 0FEF pxor 0FF1 psllw 0FF2 pslld 0FF3 psllq 0FF4 pmuludq 0FF5 pmaddwd 0FF6 psadbw
    0FF8 psubb 0FF9 psubw 0FFA psubd 0FFB psubq 0FFC paddb 0FFD paddw 0FFE paddd
    0F3800 pshufb 0F3801 phaddw 0F3802 phaddd 0F3803 phaddsw 0F3804 pmaddubsw 0F3805 phsubw 0F3806 phsubd
    0F3807 phsubsw 0F3808 psignb 0F3809 psignw 0F380A psignd 0F380B pmulhrsw 0F381C pabsb 0F381D pabsw
    0F381E pabsd
    """

  /// Instructions with packed and scalar forms in single and double precision.
  static let arithmetic = """
    0F51 sqrt 0F58 add 0F59 mul 0F5C sub 0F5D min 0F5E div 0F5F max
    """

  /// Instructions with packed forms in single and double precision only.
  static let logic = """
    0F14 unpckl 0F15 unpckh 0F28 mova 0F54 and 0F55 andn 0F56 or 0F57 xor
    """

  /// Instructions with the 66 prefix on XMM registers.
  static let integer128 = """
    0F6C punpcklqdq 0F6D punpckhqdq 0F6F movdqa 0F10 movupd 0F5B cvtps2dq 0FD0 addsubpd
    0F7C haddpd 0F7D hsubpd 0FE6 cvttpd2dq 0F5A cvtpd2ps
    0F3817 ptest 0F3828 pmuldq 0F3829 pcmpeqq 0F382B packusdw 0F3837 pcmpgtq 0F3838 pminsb 0F3839 pminsd
    0F383A pminuw 0F383B pminud 0F383C pmaxsb 0F383D pmaxsd 0F383E pmaxuw 0F383F pmaxud 0F3840 pmulld
    0F3841 phminposuw 0F38CF gf2p8mulb 0F38DB aesimc 0F38DC aesenc 0F38DD aesenclast 0F38DE aesdec
    0F38DF aesdeclast
    """

  /// The same with an immediate byte.
  static let immediate128 = """
    0F70 pshufd 0FC2 cmppd 0FC6 shufpd 0F3A08 roundps 0F3A09 roundpd 0F3A0C blendps 0F3A0D blendpd
    0F3A0E pblendw 0F3A0F palignr 0F3A40 dpps 0F3A41 dppd 0F3A42 mpsadbw 0F3A44 pclmulqdq
    0F3A60 pcmpestrm 0F3A61 pcmpestri 0F3A62 pcmpistrm 0F3A63 pcmpistri 0F3ADF aeskeygenassist
    0F3ACE gf2p8affineqb 0F3ACF gf2p8affineinvqb
    """

  /// 3DNow!: the opcode is a byte behind the operands.
  static let threeDNow = """
    0C pi2fw 0D pi2fd 1C pf2iw 1D pf2id 8A pfnacc 8E pfpnacc 90 pfcmpge 94 pfmin 96 pfrcp 97 pfrsqrt
    9A pfsub 9E pfadd A0 pfcmpgt A4 pfmax A6 pfrcpit1 A7 pfrsqit1 AA pfsubr AE pfacc B0 pfcmpeq B4 pfmul
    B6 pfrcpit2 B7 pmulhrw BB pswapd BF pavgusb
    """

  static let sse = """
    0F10 /r | movups V, W16 | np
    0F10 /r | movss V, W4 | f3
    0F10 /r | movsd V, W8 | f2
    0F11 /r | movups W16, V | np
    0F11 /r | movupd W16, V | 66
    0F11 /r | movss W4, V | f3
    0F11 /r | movsd W8, V | f2
    0F12 /r | movlps V, M8 | np mem
    0F12 /r | movhlps V, W16 | np reg
    0F12 /r | movlpd V, M8 | 66 mem
    0F12 /r | movsldup V, W16 | f3
    0F12 /r | movddup V, W8 | f2
    0F13 /r | movlps M8, V | np mem
    0F13 /r | movlpd M8, V | 66 mem
    0F16 /r | movhps V, M8 | np mem
    0F16 /r | movlhps V, W16 | np reg
    0F16 /r | movhpd V, M8 | 66 mem
    0F16 /r | movshdup V, W16 | f3
    0F17 /r | movhps M8, V | np mem
    0F17 /r | movhpd M8, V | 66 mem
    0F29 /r | movaps W16, V | np
    0F29 /r | movapd W16, V | 66
    0F2A /r | cvtpi2ps V, Q8 | np
    0F2A /r | cvtpi2pd V, Q8 | 66
    0F2A /r | cvtsi2ss V, Ey | f3
    0F2A /r | cvtsi2sd V, Ey | f2
    0F2B /r | movntps M16, V | np mem
    0F2B /r | movntpd M16, V | 66 mem
    0F2B /r | movntss M4, V | f3 mem
    0F2B /r | movntsd M8, V | f2 mem
    0F2C /r | cvttps2pi P, W8 | np
    0F2C /r | cvttpd2pi P, W16 | 66
    0F2C /r | cvttss2si Gy, W4 | f3
    0F2C /r | cvttsd2si Gy, W8 | f2
    0F2D /r | cvtps2pi P, W8 | np
    0F2D /r | cvtpd2pi P, W16 | 66
    0F2D /r | cvtss2si Gy, W4 | f3
    0F2D /r | cvtsd2si Gy, W8 | f2
    0F2E /r | ucomiss V, W4 | np
    0F2E /r | ucomisd V, W8 | 66
    0F2F /r | comiss V, W4 | np
    0F2F /r | comisd V, W8 | 66
    0F50 /r | movmskps Gd, W16 | np reg
    0F50 /r | movmskpd Gd, W16 | 66 reg
    0F52 /r | rsqrtps V, W16 | np
    0F52 /r | rsqrtss V, W4 | f3
    0F53 /r | rcpps V, W16 | np
    0F53 /r | rcpss V, W4 | f3
    0F5A /r | cvtps2pd V, W8 | np
    0F5A /r | cvtss2sd V, W4 | f3
    0F5A /r | cvtsd2ss V, W8 | f2
    0F5B /r | cvtdq2ps V, W16 | np
    0F5B /r | cvttps2dq V, W16 | f3
    0F6E /r | movq P, Ey | np rexw
    0F6E /r | movd P, Ey | np
    0F6E /r | movq V, Ey | 66 rexw
    0F6E /r | movd V, Ey | 66
    0F6F /r | movq P, Q8 | np
    0F6F /r | movdqu V, W16 | f3
    0F70 /r | pshufw P, Q8, I1 | np
    0F70 /r | pshufhw V, W16, I1 | f3
    0F70 /r | pshuflw V, W16, I1 | f2
    0F71 /2 | psrlw Q8, I1 | np reg
    0F71 /4 | psraw Q8, I1 | np reg
    0F71 /6 | psllw Q8, I1 | np reg
    0F71 /2 | psrlw W16, I1 | 66 reg
    0F71 /4 | psraw W16, I1 | 66 reg
    0F71 /6 | psllw W16, I1 | 66 reg
    0F72 /2 | psrld Q8, I1 | np reg
    0F72 /4 | psrad Q8, I1 | np reg
    0F72 /6 | pslld Q8, I1 | np reg
    0F72 /2 | psrld W16, I1 | 66 reg
    0F72 /4 | psrad W16, I1 | 66 reg
    0F72 /6 | pslld W16, I1 | 66 reg
    0F73 /2 | psrlq Q8, I1 | np reg
    0F73 /6 | psllq Q8, I1 | np reg
    0F73 /2 | psrlq W16, I1 | 66 reg
    0F73 /3 | psrldq W16, I1 | 66 reg
    0F73 /6 | psllq W16, I1 | 66 reg
    0F73 /7 | pslldq W16, I1 | 66 reg
    0F77 | emms | np
    0F78 /0 | extrq W16, I1, I1 | 66 reg
    0F78 /r | insertq V, W16, I1, I1 | f2 reg
    0F79 /r | extrq V, W16 | 66 reg
    0F79 /r | insertq V, W16 | f2 reg
    0F7E /r | movq Ey, P | np rexw
    0F7E /r | movd Ey, P | np
    0F7E /r | movq Ey, V | 66 rexw
    0F7E /r | movd Ey, V | 66
    0F7E /r | movq V, W8 | f3
    0F7F /r | movq Q8, P | np
    0F7F /r | movdqa W16, V | 66
    0F7F /r | movdqu W16, V | f3
    0FC2 /r | cmpps V, W16, I1 | np
    0FC2 /r | cmpss V, W4, I1 | f3
    0FC2 /r | cmpsd V, W8, I1 | f2
    0FC4 /r | pinsrw P, Edw, I1 | np
    0FC4 /r | pinsrw V, Edw, I1 | 66
    0FC5 /r | pextrw Gd, Q8, I1 | np reg
    0FC5 /r | pextrw Gd, W16, I1 | 66 reg
    0FC6 /r | shufps V, W16, I1 | np
    0FD6 /r | movq W8, V | 66
    0FD6 /r | movq2dq V, Q8 | f3 reg
    0FD6 /r | movdq2q P, W16 | f2 reg
    0FD7 /r | pmovmskb Gd, Q8 | np reg
    0FD7 /r | pmovmskb Gd, W16 | 66 reg
    0FE6 /r | cvtdq2pd V, W8 | f3
    0FE6 /r | cvtpd2dq V, W16 | f2
    0FE7 /r | movntq M8, P | np mem
    0FE7 /r | movntdq M16, V | 66 mem
    0FF7 /r | maskmovq P, Q8 | np reg
    0FF7 /r | maskmovdqu V, W16 | 66 reg
    """

  static let sse3AndLater = """
    0F7C /r | haddps V, W16 | f2
    0F7D /r | hsubps V, W16 | f2
    0FD0 /r | addsubps V, W16 | f2
    0FF0 /r | lddqu V, M16 | f2 mem
    0F3810 /r | pblendvb V, W16, XMM0 | 66
    0F3814 /r | blendvps V, W16, XMM0 | 66
    0F3815 /r | blendvpd V, W16, XMM0 | 66
    0F382A /r | movntdqa V, M16 | 66 mem
    0F3880 /r | invept Gz, M16 | 66 mem
    0F3881 /r | invvpid Gz, M16 | 66 mem
    0F3882 /r | invpcid Gz, M16 | 66 mem
    0F38C8 /r | sha1nexte V, W16 | np
    0F38C9 /r | sha1msg1 V, W16 | np
    0F38CA /r | sha1msg2 V, W16 | np
    0F38CB /r | sha256rnds2 V, W16, XMM0 | np
    0F38CC /r | sha256msg1 V, W16 | np
    0F38CD /r | sha256msg2 V, W16 | np
    0F38F5 /r | wrussq M8, Gy | 66 mem rexw
    0F38F5 /r | wrussd M4, Gy | 66 mem
    0F38F6 /r | wrssq M8, Gy | np mem rexw
    0F38F6 /r | wrssd M4, Gy | np mem
    0F38F6 /r | adcx Gy, Ey | 66
    0F38F6 /r | adox Gy, Ey | f3
    0F38F8 /r | movdir64b Ga, M | 66 mem
    0F38F8 /r | enqcmd Ga, M | f2 mem
    0F38F8 /r | enqcmds Ga, M | f3 mem
    0F38F9 /r | movdiri Ey, Gy | np mem
    0F3A0A /r | roundss V, W4, I1 | 66
    0F3A0B /r | roundsd V, W8, I1 | 66
    0F3A0F /r | palignr P, Q8, I1 | np
    0F3A14 /r | pextrb Edb, V, I1 | 66
    0F3A15 /r | pextrw Edw, V, I1 | 66
    0F3A16 /r | pextrq Ey, V, I1 | 66 rexw
    0F3A16 /r | pextrd Ey, V, I1 | 66
    0F3A17 /r | extractps Ed, V, I1 | 66
    0F3A20 /r | pinsrb V, Edb, I1 | 66
    0F3A21 /r | insertps V, W4, I1 | 66
    0F3A22 /r | pinsrq V, Ey, I1 | 66 rexw
    0F3A22 /r | pinsrd V, Ey, I1 | 66
    0F3ACC /r | sha1rnds4 V, W16, I1 | np
    """
}
