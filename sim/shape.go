package main

import (
	"math"
	"math/rand/v2"
	"time"
)

// shape makes a profile of some seconds with a peak in MB.
type shape func(r *rand.Rand, duration, peak float64) profile

var shapes = []shape{ramp, plateau, burst, latePeak}

func anyShape(r *rand.Rand, duration, peak float64) profile {
	return shapes[r.IntN(len(shapes))](r, duration, peak)
}

func ramp(_ *rand.Rand, duration, peak float64) profile {
	return profile{{0, peak / 10}, {seconds(duration), peak}}
}

func plateau(r *rand.Rand, duration, peak float64) profile {
	rise := min(between(r, 0.05, 1), duration/4)
	return profile{{0, peak / 50}, {seconds(rise), peak}, {seconds(duration), peak}}
}

// burst has one peak in each of up to three equal parts of the time.
func burst(r *rand.Rand, duration, peak float64) profile {
	base := peak / 7
	p := profile{{0, base}}
	parts := 1 + r.IntN(3)
	for i := range parts {
		part := duration / float64(parts)
		width := part * between(r, 0.05, 0.15)
		rise := min(0.2, width/4)
		start := part*float64(i) + between(r, 0.1, 0.9)*(part-width)
		p = append(p, point{seconds(start), base}, point{seconds(start + rise), peak},
			point{seconds(start + width - rise), peak}, point{seconds(start + width), base})
	}
	return append(p, point{seconds(duration), base})
}

func latePeak(r *rand.Rand, duration, peak float64) profile {
	base := peak / 7
	start := duration * between(r, 0.8, 0.9)
	rise := min(0.5, duration/20)
	return profile{{0, base}, {seconds(start), base}, {seconds(start + rise), peak}, {seconds(duration), peak}}
}

// unit is the width of the stairs of small workloads.
const unit = 5 * time.Second

// stairs makes a profile of steps of a unit, with whole MB: the highest of the given one in each.
func stairs(p profile) profile {
	steps := max(int(math.Round(p.duration().Seconds()/unit.Seconds())), 1)
	stretched := profile{}
	for _, q := range p {
		stretched = append(stretched, point{time.Duration(float64(q.at) / float64(p.duration()) * float64(steps) * float64(unit)), q.mb})
	}
	var out profile
	for i := range steps {
		from, to := time.Duration(i)*unit, time.Duration(i+1)*unit
		mb := math.Round(stretched.most(from, to))
		out = append(out, point{from, mb}, point{to, mb})
	}
	return out
}

// smallOnes are families of workloads for which the optimum is found. All jobs are drawn from the same ranges as the large
// ones', made into stairs.
var smallOnes = []family{
	{"ramp", "", smallOf(ramp), false},
	{"plateau", "", smallOf(plateau), false},
	{"burst", "", smallOf(burst), false},
	{"late peak", "", smallOf(latePeak), false},
	{"mixed", "", smallOf(anyShape), false},
}

// smallOf makes 6 or 7 jobs for 3 workers.
func smallOf(s shape) func(*rand.Rand) *workload {
	return func(r *rand.Rand) *workload {
		l := &workload{slots: 3, unit: unit}
		for range 6 + r.IntN(2) {
			l.jobs = append(l.jobs, job{profile: stairs(s(r, between(r, 10, 40), skewed(r, 50, 500)))})
		}
		return l.squeeze(0.6)
	}
}
