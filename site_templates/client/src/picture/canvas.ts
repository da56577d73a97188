/** A canvas that shows pictures (C*H*W in 0..1), pixel by pixel; CSS makes it as large as it should look. */
export class PictureCanvas {
  readonly element: HTMLCanvasElement;
  private readonly context: CanvasRenderingContext2D | null;

  constructor(
    label: string,
    private readonly channels: number,
    private readonly size: number,
  ) {
    this.element = document.createElement("canvas");
    this.element.className = "acc-picture-canvas";
    this.element.width = size;
    this.element.height = size;
    this.element.setAttribute("role", "img");
    this.element.setAttribute("aria-label", label);
    this.context = this.element.getContext("2d");
  }

  show(picture: ArrayLike<number>): void {
    this.context?.putImageData(imageOf(picture, this.channels, this.size), 0, 0);
  }
}

/** A picture (C*H*W in 0..1) as pixels. */
export function imageOf(picture: ArrayLike<number>, channels: number, size: number): ImageData {
  const plane = size * size;
  const image = new ImageData(size, size);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = picture[(channels === 1 ? 0 : c) * plane + i]! * 255;
    image.data[i * 4 + 3] = 255;
  }
  return image;
}
