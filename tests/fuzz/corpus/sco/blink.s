.steps 4
.core 0
  ACC a0, w[0:3], s[0:3]
  ACC a1, w[3:6], s[0:3]
  FIRE.s a0, th=10, sc=1
  FIRE a1, th=8, sc=0
  LEAK a0..a1, d=0xc000
  HALT
  .page 0 7 -3 5 2 4 -6
  .route a0 -> chip 0 cores 1 axon 0
  .route a1 -> chip 0 cores 1 axon 1
.core 1
  ACC a0, w[0:2], s[0:2]
  ACC.g a1, w[0:2], s[0:2]
  FIRE a0, th=5, sc=0
  HALT
  .page 0 3 2
.plan
  LOADW cores 0..1 page 0
  LOOP
    INPUT 0
    ENTRY cores 0 entry 0
    RUN
    DELIVER
    ENTRY cores 1 entry 0
    RUN
    DELIVER
    OUT 0
    STEP
  ENDL
.endplan
